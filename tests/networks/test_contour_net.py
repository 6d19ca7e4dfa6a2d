"""The contour net: its scales, that each part is in use, gradients, sizes, export."""

from __future__ import annotations

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from kontur.core.errors import InputError, OptionError, UnknownName  # noqa: E402
from kontur.losses import edge_loss  # noqa: E402
from kontur.networks import Logits  # noqa: E402
from kontur.networks.contour_net import contour_net, mirrored  # noqa: E402
from kontur.networks.cost import multiply_adds, parameters  # noqa: E402


@pytest.fixture
def network():
    torch.manual_seed(0)
    return contour_net()


def test_scales_and_cost():
    with torch.device("meta"):
        network = contour_net().eval()
    seen = {}
    for name in ("detail", "encoder", "context", "lateral.0", "refine.5", "refine.2", "refine.0", "side.3", "fuse"):
        network.body.get_submodule(name).register_forward_hook(
            lambda module, inputs, output, name=name: seen.__setitem__(
                name,
                tuple(output.shape[1:]) if isinstance(output, torch.Tensor) else [tuple(o.shape[1:]) for o in output],
            )
        )
    network(torch.empty(1, 3, 321, 481, device="meta"))
    assert seen == {
        "detail": (16, 352, 512),
        "encoder": [(16, 176, 256), (24, 88, 128), (40, 44, 64), (112, 22, 32), (320, 11, 16)],
        "context": (64, 11, 16),
        "lateral.0": (24, 352, 512),
        "refine.5": (64, 11, 16),
        "refine.2": (48, 88, 128),
        "refine.0": (24, 352, 512),
        "side.3": (1, 44, 64),
        "fuse": (1, 321, 481),
    }
    assert parameters(network) < 4e6
    assert multiply_adds(network, (321, 481)) < 10e9


def test_outputs_in_training_and_the_fusion_starts_as_the_mean(network):
    output = network(torch.rand(2, 3, 40, 51))
    assert isinstance(output, Logits)
    assert len(output.auxiliary) == 6
    assert {tuple(o.shape) for o in (output.logits, *output.auxiliary)} == {(2, 1, 40, 51)}
    torch.testing.assert_close(output.logits, torch.stack(output.auxiliary).mean(dim=0))


def test_every_parameter_learns_from_every_output_together(network):
    target = torch.zeros(2, 64, 64, dtype=torch.long)
    target[:, 30:32] = 100
    output = network(torch.rand(2, 3, 64, 64))
    sum(edge_loss(o, target) for o in (output.logits, *output.auxiliary)).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert (parameter.grad != 0).any(), name


@pytest.mark.parametrize(
    "part",
    [
        "detail",
        "context",
        "reduce.0",
        "reduce.4",
        *(f"lateral.{i}" for i in range(5)),
        *(f"side.{i}" for i in range(6)),
    ],
)
def test_taking_a_part_away_changes_the_logits(network, part, with_statistics):
    network = with_statistics(network, (64, 64))
    image = torch.rand(1, 3, 48, 48)
    with torch.no_grad():
        whole = network(image)
        network.body.get_submodule(part).register_forward_hook(lambda module, inputs, output: torch.zeros_like(output))
        reduced = network(image)
    assert (whole - reduced).abs().max() > 1e-3 * whole.std()


@pytest.mark.parametrize("size", [(65, 96), (41, 70)])
def test_an_odd_size_is_seen_like_a_multiple_of_32(network, size):
    """So the maps of every scale lie over the image as in training, whatever its size."""
    image = torch.rand(1, 3, *size)
    with torch.no_grad():
        network.eval()
        whole = network(mirrored(image, 32))
        assert whole.shape[2] % 32 == whole.shape[3] % 32 == 0
        torch.testing.assert_close(network(image), whole[..., : size[0], : size[1]])


def test_mirrored_by_hand():
    image = torch.arange(1.0, 7.0).reshape(1, 1, 2, 3)
    assert mirrored(image, 4)[0, 0].tolist() == [[1, 2, 3, 2], [4, 5, 6, 5], [1, 2, 3, 2], [1, 2, 3, 2]]
    assert torch.equal(mirrored(image[..., :1, :], 3)[0, 0], image[0, 0, :1].expand(3, 3))
    whole = torch.rand(1, 1, 64, 32)
    assert torch.equal(mirrored(whole, 32), whole)


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (33, 2)])
def test_any_size(network, size):
    with torch.no_grad():
        logits = network.eval()(torch.rand(1, 3, *size))
    assert logits.shape == (1, 1, *size)
    assert torch.isfinite(logits).all()


def test_it_can_learn_one_picture():
    """A step of colour: after a few rounds the boundary stands above everything else, in every output."""
    torch.manual_seed(0)
    network = contour_net(widths=(8, 8, 8, 8, 8, 8), detail=8)
    image = torch.zeros(2, 3, 32, 32)
    image[0, 0, :, 12:], image[1, 1, :, 20:] = 1, 1
    target = torch.zeros(2, 32, 32, dtype=torch.long)
    target[0, :, 11:13], target[1, :, 19:21] = 100, 100
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-2)
    for _ in range(30):
        output = network(image)
        loss = sum(edge_loss(o, target) for o in (output.logits, *output.auxiliary))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    for logits in (output.logits, *output.auxiliary[:3]):
        assert logits[:, 0][target == 100].mean() > logits[:, 0][target == 0].mean() + 1


def test_wrong_parts():
    with pytest.raises(OptionError, match="widths"):
        contour_net(widths=(8, 8))
    with pytest.raises(UnknownName, match="encoder"):
        contour_net(encoder="tf_efficientnet_lite99")
    with pytest.raises(InputError, match="expected 3 channels"):
        contour_net()(torch.rand(1, 4, 32, 32))


def test_export_gives_the_same_logits(network, with_statistics, tmp_path):
    pytest.importorskip("onnx", reason="needs the extra 'train'")
    onnxruntime = pytest.importorskip("onnxruntime")
    from kontur.networks.export import export_onnx

    network = with_statistics(network, (64, 64))
    difference = export_onnx(network, tmp_path / "c.onnx", size=(64, 96), class_names=["boundary"])
    assert difference < 1e-4
    session = onnxruntime.InferenceSession(str(tmp_path / "c.onnx"), providers=["CPUExecutionProvider"])
    properties = session.get_modelmeta().custom_metadata_map
    assert (properties["network"], json.loads(properties["classes"])) == ("contour_net", ["boundary"])
    assert [output.name for output in session.get_outputs()] == ["logits"]
    for size in [(1, 1), (32, 32), (70, 131)]:
        image = torch.rand(1, 3, *size)
        with torch.no_grad():
            wanted = network(image).numpy()
        np.testing.assert_allclose(session.run(None, {"image": image.numpy()})[0], wanted, atol=1e-4)
