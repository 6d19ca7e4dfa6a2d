"""Every network as an ONNX file: ONNX Runtime's logits are PyTorch's, at a second size and batch too."""

from __future__ import annotations

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")
onnx = pytest.importorskip("onnx", reason="needs the extra 'train'")
onnxruntime = pytest.importorskip("onnxruntime")

from kontur.core.errors import InputError, OptionError  # noqa: E402
from kontur.networks import CATALOGUE, build  # noqa: E402
from kontur.networks.export import _check_maxima, _exported, _session, _with_given_indices, export_onnx  # noqa: E402

SIZES = {"unet": (188, 204), "deconvnet": (200, 212)}
# Batch norm's statistics from so few pixels that a channel has next to no variance make rounding large: DeconvNet's fc6 has one pixel
# at its size above, ERFNet's deepest maps 48.
CALIBRATED = {"deconvnet": (264, 276), "erfnet": (96, 128)}
LIGHT = {"enet", "linknet", "erfnet", "bisenet", "segformer_b0", "kontur_lite", "fc_densenet56", "segnet"}


@pytest.mark.parametrize(
    "name",
    [n if n in LIGHT else pytest.param(n, marks=pytest.mark.slow) for n in CATALOGUE if n != "crf_rnn"],
)
def test_onnx_runtime_gives_pytorchs_logits(name, tmp_path, with_statistics, record_property):
    torch.manual_seed(0)
    size = SIZES.get(name, (48, 64))
    network = with_statistics(build(name, 5), CALIBRATED.get(name, size))
    file = tmp_path / "network.onnx"
    record_property("largest difference", export_onnx(network, file, size=size))
    # Neither the size it was traced with nor the one it was checked at.
    image = torch.rand(1, 3, size[0] + 1, size[1] - 7 if name != "unet" else size[1] + 1)
    session, names = _session(file.read_bytes(), name in {"segnet", "enet", "deconvnet"})
    got, *indices = session.run(["logits", *names], {"image": image.numpy()})
    wanted = _with_given_indices(network, image, [torch.from_numpy(each) for each in indices]).numpy()
    assert got.shape == wanted.shape
    record_property("largest difference, a third size", float(np.abs(got - wanted).max()))
    record_property("largest logit", float(np.abs(wanted).max()))
    assert np.abs(got - wanted).max() < 1e-3
    assert wanted.std() > 1e-6


def wrong(data, change):
    model = onnx.load_from_string(data)
    change(model)
    return model.SerializeToString()


def one_class_shifted(model):
    """One weight of the last layer: the logits of one class of three are wrong, those of the others right."""
    (last,) = [i for i in model.graph.initializer if i.name.endswith("classify.weight")]
    weights = onnx.numpy_helper.to_array(last).copy()
    weights[0, 1, 1, 1] += 0.05
    last.CopyFrom(onnx.numpy_helper.from_array(weights, last.name))


def minima_for_maxima(model):
    """The second pooling pools the negated map, and its values are negated back: indices of minima."""
    (pool,) = [n for n in model.graph.node if n.op_type == "MaxPool" and n.name.endswith("down2/pool/MaxPool")]
    place = list(model.graph.node).index(pool)
    negated = onnx.helper.make_node("Neg", [pool.input[0]], ["negated"])
    pool.input[0] = "negated"
    model.graph.node.insert(place, negated)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (one_class_shifted, r"differs from PyTorch by 0\.\d+ at 32x40; expected 0.001"),
        (minima_for_maxima, "pooling indices are not those of the maxima: 0 lie outside their window"),
    ],
)
def test_a_wrong_file_is_refused_and_not_written(change, message, tmp_path, monkeypatch, with_statistics):
    torch.manual_seed(0)
    network = with_statistics(build("enet", 3), (32, 40))
    right = _exported(network, (32, 40), False, {}, tracing=True)
    monkeypatch.setattr("kontur.networks.export._exported", lambda *_, **__: right)
    assert export_onnx(network, tmp_path / "right.onnx", size=(32, 40), dynamic=False) < 1e-3
    monkeypatch.setattr("kontur.networks.export._exported", lambda *_, **__: wrong(right, change))
    with pytest.raises(InputError, match=message):
        export_onnx(network, tmp_path / "wrong.onnx", size=(32, 40), dynamic=False)
    assert not (tmp_path / "wrong.onnx").exists()


def test_an_index_may_be_any_of_tied_maxima_but_no_other():
    feature = torch.tensor([[1.0, 5.0, 2.0, 0.0], [5.0 - 1e-6, 0.0, 0.0, 3.0], [7.0, 0.0, 0.0, 0.0]])[None, None]
    maxima = torch.tensor([[5.0, 3.0], [7.0, 0.0]])[None, None]  # with a last row that fills no window

    def check(*indices):
        _check_maxima("segnet", 2, feature, maxima, torch.tensor(indices).view(1, 1, 2, 2))

    check(1, 7, 8, 10)
    check(4, 7, 8, 11)  # 5 - 1e-6 for 5, and either of two zeros
    with pytest.raises(
        InputError, match="0 lie outside their window, and the values they point at are up to 1 smaller"
    ):
        check(1, 2, 8, 10)
    with pytest.raises(InputError, match="1 lie outside their window"):
        check(1, 7, 8, 9)
    with pytest.raises(InputError, match="do not fit"):
        check(1, 7, 8, 12)


def test_given_indices_are_what_the_unpooling_uses(with_statistics):
    """On a flat map every index of a window is a maximum's; another choice gives other logits, and the check follows it."""
    torch.manual_seed(0)
    network = with_statistics(build("segnet", 3), (32, 32))
    with torch.no_grad():
        for stage in network.body.encoder:  # flat maps: no weights, only biases
            for module in stage:
                if isinstance(module, torch.nn.Conv2d):
                    module.weight.zero_()
    image = torch.rand(1, 3, 32, 32)
    first = _indices_of(network, image)
    last = [index + width + 1 for width, index in zip((32, 16, 8, 4, 2), first, strict=True)]
    with torch.no_grad():
        assert torch.equal(_with_given_indices(network, image, first), network(image))
    assert (_with_given_indices(network, image, last) - network(image)).abs().max() > 1e-3


def _indices_of(network, image):
    kept = []
    handle = network.body.pool.register_forward_hook(lambda module, inputs, output: kept.append(output[1]))
    with torch.no_grad():
        network(image)
    handle.remove()
    return kept


def test_the_file_says_what_it_is(tmp_path):
    network = build("enet", 3, 4)
    network.train()
    file = tmp_path / "a" / "enet.onnx"
    export_onnx(
        network,
        file,
        size=(32, 48),
        dynamic=False,
        class_names=["sky", "tree", "road"],
        mean=[0.5] * 4,
        std=[0.25] * 4,
        metadata={"task": "semantic", "notice": ""},
    )
    assert network.training
    model = onnx.load(file)
    assert {p.key: p.value for p in model.metadata_props} == {
        "network": "enet",
        "classes": json.dumps(["sky", "tree", "road"]),
        "channels": "4",
        "least": "[8, 8]",
        "mean": "[0.5, 0.5, 0.5, 0.5]",
        "std": "[0.25, 0.25, 0.25, 0.25]",
        "task": "semantic",
        "notice": "",
    }
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].shape == [1, 4, 32, 48]
    assert model.opset_import[0].version >= 17
    assert [p.name for p in file.parent.iterdir()] == ["enet.onnx"]


def test_what_cannot_be_exported_says_so_at_once(tmp_path):
    file = tmp_path / "x.onnx"
    with torch.device("meta"):
        on_meta = build("crf_rnn", 2, network="enet")
    with pytest.raises(InputError, match=r"crf_rnn can't be exported to ONNX: .*dense_crf.refine_probabilities"):
        export_onnx(on_meta, file)
    with pytest.raises(InputError, match="meta device"):
        export_onnx(build("enet", 2).to("meta"), file)
    with pytest.raises(OptionError, match="size: expected at least 8x8"):
        export_onnx(build("enet", 2), file, size=(4, 64))
    with pytest.raises(OptionError, match="class_names: expected 2 names, got 1"):
        export_onnx(build("enet", 2), file, class_names=["one"])
    with pytest.raises(OptionError, match="mean: expected 3 numbers"):
        export_onnx(build("enet", 2), file, mean=[0.5])
    with pytest.raises(OptionError, match="metadata: 'mean' is written by the export itself"):
        export_onnx(build("enet", 2), file, metadata={"mean": "[0.5]"})
    with pytest.raises(OptionError, match="metadata: expected text for text, got 3 for 'multiple'"):
        export_onnx(build("enet", 2), file, metadata={"multiple": 3})
    assert not file.exists()
