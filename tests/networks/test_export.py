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
from kontur.networks.export import export_onnx  # noqa: E402

SIZES = {"unet": (188, 204), "deconvnet": (200, 212)}
LIGHT = {"enet", "linknet", "erfnet", "bisenet", "segformer_b0", "kontur_lite", "fc_densenet56", "segnet"}


def with_statistics(network, size):
    """Batch norm's statistics from one batch, so that untrained logits keep the size of trained ones."""
    norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    if norms:
        for module in network.modules():  # a channel that is dropped has no variance
            if isinstance(module, torch.nn.Dropout | torch.nn.Dropout2d):
                module.p = 0.0
        for norm in norms:
            norm.momentum = 1.0
        with torch.no_grad():
            network.train()(torch.rand(2, network.channels, *size))
    return network.eval()


@pytest.mark.parametrize(
    "name",
    [n if n in LIGHT else pytest.param(n, marks=pytest.mark.slow) for n in CATALOGUE if n != "crf_rnn"],
)
def test_onnx_runtime_gives_pytorchs_logits(name, tmp_path):
    torch.manual_seed(0)
    size = SIZES.get(name, (48, 64))
    network = with_statistics(build(name, 5), size)
    file = tmp_path / "network.onnx"
    export_onnx(network, file, size=size)
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    # Neither the size it was traced with nor the one it was checked at. Small, since in segnet, enet and deconvnet a maximum that
    # is all but tied may fall on another pixel by rounding, the more likely the larger the image.
    image = torch.rand(1, 3, size[0] + 1, size[1] - 7 if name != "unet" else size[1] + 1)
    with torch.no_grad():
        wanted = network(image).numpy()
    (got,) = session.run(["logits"], {"image": image.numpy()})
    assert got.shape == wanted.shape
    assert np.abs(got - wanted).max() < 1e-3
    assert wanted.std() > 1e-6


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
