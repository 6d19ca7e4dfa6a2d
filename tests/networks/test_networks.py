"""What every network must do: sizes, gradients, learning, determinism, errors."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from torch import nn  # noqa: E402

from kontur.core.errors import InputError, OptionError, UnknownName  # noqa: E402
from kontur.networks import CATALOGUE, Logits, build  # noqa: E402

# VGG-sized classifiers hold half a gigabyte; they are built once and run at the least size.
HEAVY = ("fcn32s", "fcn16s", "fcn8s", "crf_rnn", "dilatednet", "deconvnet", "refinenet", "gcn", "pspnet", "deeplab_v2")
LIGHT = [name for name in CATALOGUE if name not in HEAVY]
SLOW = {"fc_densenet67", "fc_densenet103", "fcn_resnet50", "deeplab_v1", "deeplab_v3plus"}
SIZES = {"deconvnet": (225, 193), "unet": (189, 204)}


@pytest.fixture(autouse=True)
def at_most_two_threads():
    torch.set_num_threads(min(2, torch.get_num_threads()))
    torch.manual_seed(0)


def images(name, batch=1, channels=3, size=None):
    height, width = size or SIZES.get(name, (37, 45))
    return torch.rand(batch, channels, height, width)


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_logits_have_the_size_of_an_odd_image_and_eval_is_deterministic(name):
    network = build(name, 5).eval()
    image = images(name)
    with torch.no_grad():
        logits = network(image)
        again = network(image)
    assert isinstance(logits, torch.Tensor)
    if name == "unet":  # only the unpadded U-Net gives its own, smaller size
        assert logits.shape == (1, 5, 4, 20)
    else:
        assert logits.shape == (1, 5, *image.shape[-2:])
    assert torch.equal(logits, again)
    assert torch.isfinite(logits).all()
    assert logits.std() > 0 or name in ("fcn32s", "dilatednet"), "the image must matter"


def test_the_papers_unet_maps_572_to_388():
    with torch.device("meta"):
        assert build("unet", 2, 1).eval()(torch.empty(1, 1, 572, 572)).shape == (1, 2, 388, 388)
    padded = build("unet", 2, 1, padded=True).eval()
    with torch.no_grad():
        assert padded(torch.rand(1, 1, 53, 70)).shape == (1, 2, 53, 70)


# Ten rounds of messages weighted by 5 and 3 make the CRF's gradient large; the others sum 3x3 windows over thousands of channels of an
# untrained ResNet, without batch norm after it.
RATES = {"crf_rnn": 0.0001, "refinenet": 0.0001, "gcn": 0.0001, "deeplab_v2": 0.0001}
OPTIONS = {"unet": {"padded": True}}
# The deep DenseNets repeat what the 56 shows, the other dilated ResNets what DeepLab v3 does.
STEPS = [
    *(pytest.param(n, OPTIONS.get(n, {}), marks=[pytest.mark.slow] * (n in {*SLOW, *HEAVY}), id=n) for n in CATALOGUE),
    pytest.param("crf_rnn", {"network": "enet"}, id="crf_rnn on enet"),
]


@pytest.mark.parametrize(("name", "options"), STEPS)
def test_three_steps_lower_the_loss_and_every_parameter_learns(name, options):
    network = build(name, 3, **options).train()
    for module in network.modules():  # dropout is noise in a test of three steps
        if isinstance(module, nn.Dropout | nn.Dropout2d):
            module.p = 0.0
    sizes = {"deconvnet": (224, 224), "crf_rnn": (16, 24)}
    image = images(name, batch=2, size=sizes.get(name, (40, 48)))
    target = (image.mean(1) > 0.5).long() + (image[:, 0] > 0.9).long()
    optimiser = torch.optim.SGD(network.parameters(), lr=RATES.get(name, 0.01))
    losses = []
    for _ in range(4):
        output = network(image)
        assert isinstance(output, Logits)
        assert output.logits.shape == (2, 3, *image.shape[-2:])
        loss = sum(nn.functional.cross_entropy(maps, target) for maps in (output.logits, *output.auxiliary))
        optimiser.zero_grad()
        loss.backward()
        if not losses:
            assert not [n for n, p in network.named_parameters() if p.grad is None]
            without = [n for n, p in network.named_parameters() if not p.grad.abs().sum() > 0]
            # A bias before batch norm, or of a key before softmax, shifts everything alike: its gradient is zero.
            assert all(n.endswith("bias") for n in without), without
        optimiser.step()
        losses.append(float(loss.detach()))
    assert min(losses[1:]) < losses[0]


@pytest.mark.parametrize(
    ("name", "count"), [("pspnet", 1), ("deeplab_v3", 1), ("fcn_resnet50", 1), ("bisenet", 2), ("erfnet", 1)]
)
def test_auxiliary_logits_come_in_training_only(name, count):
    network = build(name, 4, auxiliary=True).train()
    image = images(name, batch=2)
    output = network(image)
    assert len(output.auxiliary) == count
    assert all(maps.shape == output.logits.shape == (2, 4, *image.shape[-2:]) for maps in output.auxiliary)
    with torch.no_grad():
        assert isinstance(network.eval()(image), torch.Tensor)


NEEDS_TWO = {"deeplab_v3", "deeplab_v3plus", "pspnet", "bisenet"}


@pytest.mark.parametrize("name", [n for n in LIGHT if n not in {"unet", *SLOW}])
def test_a_batch_of_one_trains_or_the_file_says_why_not(name):
    network = build(name, 3).train()
    # Under 64 pixels the deepest map of FC-DenseNet is a single pixel, whose batch norm needs two images.
    image = images(name, size={"deconvnet": (225, 256), "fc_densenet56": (64, 64)}.get(name))
    if name in NEEDS_TWO:
        import importlib

        module = importlib.import_module(f"kontur.networks.{CATALOGUE[name].module}")
        assert "batch of 1 can't be trained" in getattr(module, name).__doc__
        with pytest.raises(InputError, match="batch of at least 2 images"):
            network(image)
    else:
        network(image).logits.sum().backward()


def test_bad_input_is_named():
    network = build("enet", 11)
    with pytest.raises(InputError, match=r"enet: expected 3 channels, got 4. Build it for this image: .*channels=4"):
        network(torch.rand(1, 4, 64, 64))
    with pytest.raises(InputError, match=r"expected an image of at least 188x188 pixels \(H x W\), got 100x200"):
        build("unet", 2)(torch.rand(1, 3, 100, 200))
    with pytest.raises(InputError, match=r"expected images \(B, C, H, W\)"):
        network(torch.rand(3, 64, 64))
    with pytest.raises(OptionError, match="classes: expected a whole number, at least 2"):
        build("enet", 1)
    with pytest.raises(OptionError, match="channels"):
        build("enet", 2, 0)
    with pytest.raises(UnknownName, match="Did you mean 'enet'"):
        build("e_net", 2)
    with pytest.raises(UnknownName, match="Did you mean 'auxiliary'"):
        build("pspnet", 2, auxilliary=True)
    with pytest.raises(UnknownName, match="resnet50"):
        build("pspnet", 2, encoder="resnet51")
    with pytest.raises(UnknownName, match="tf_efficientnet_lite0"):
        build("kontur_lite", 2, encoder="tf_efficientnet_lite00")
    with pytest.raises(OptionError, match="output_stride"):
        build("deeplab_v3", 2, output_stride=7)
