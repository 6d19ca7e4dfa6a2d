"""Parameter counts of FACTS.md section 3, on the meta device: no memory, no weights."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from kontur.networks import CATALOGUE, build  # noqa: E402


def count(name, classes, channels=3, **options):
    with torch.device("meta"):
        network = build(name, classes, channels, **options)
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


@pytest.mark.parametrize(
    ("name", "classes", "options", "expected"),
    [
        ("fcn8s", 21, {}, 134_489_759),
        ("segnet", 11, {}, 29_449_377),
        ("enet", 11, {}, 350_508),
        ("enet", 19, {}, 351_660),
        ("fc_densenet56", 11, {}, 1_376_795),
        ("fc_densenet67", 11, {}, 3_463_243),
        ("fc_densenet103", 11, {}, 9_322_091),
        ("pspnet", 19, {"auxiliary": True}, 49_080_038),
        ("pspnet", 19, {"auxiliary": True, "encoder": "resnet101"}, 68_072_166),
        ("deeplab_v1", 21, {}, 20_505_429),
        ("deeplab_v2", 21, {}, 44_048_532),
        ("deeplab_v3", 21, {}, 39_638_869),
        ("deeplab_v3", 21, {"auxiliary": True}, 42_004_074),
        ("deeplab_v3", 21, {"auxiliary": True, "encoder": "resnet101"}, 60_996_202),
        ("fcn_resnet50", 21, {}, 32_957_013),
        ("fcn_resnet50", 21, {"auxiliary": True}, 35_322_218),
        ("gcn", 21, {}, 59_369_620),
        ("refinenet", 21, {}, 118_052_437),
        ("bisenet", 19, {}, 13_275_539),
        ("bisenet", 19, {"auxiliary": True}, 13_425_721),
        ("segformer_b0", 19, {}, 3_719_027),
        ("erfnet", 20, {}, 2_066_836),
    ],
)
def test_the_count_is_the_published_one(name, classes, options, expected):
    assert count(name, classes, **options) == expected


def test_unet_by_bands_and_classes():
    assert count("unet", 2, 1) == 31_030_658
    assert count("unet", 2, 3) == 31_031_810


def test_fcn32s_and_dilatednet_before_their_last_layers():
    """VGG-16 with fc6, fc7 and 21 scores; FCN-32s adds one 64x64 transposed convolution without bias."""
    assert count("fcn32s", 21) == 134_346_581 + 64 * 64 * 21 * 21
    with torch.device("meta"):
        network = build("dilatednet", 21)
    assert sum(p.numel() for p in network.body.front_end.parameters()) == 134_346_581


def test_counts_that_are_published_rounded():
    assert count("linknet", 19) == pytest.approx(11.5e6, rel=0.01)
    with torch.device("meta"):
        network = build("deconvnet", 21)
    norms = sum(p.numel() for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d) for p in m.parameters())
    assert sum(p.numel() for p in network.parameters()) - norms == pytest.approx(251.8e6, abs=0.05e6)


def test_crf_rnn_adds_three_matrices_to_its_network():
    assert count("crf_rnn", 21) == count("fcn8s", 21) + 3 * 21 * 21


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_every_network_builds_on_the_meta_device_for_other_bands(name):
    assert count(name, 5, 4) > 0
    with torch.device("meta"):
        network = build(name, 5)
    assert all(p.is_meta and p.requires_grad for p in network.parameters())


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_auxiliary_and_pretrained_may_be_left_out_by_name_of_any_network(name):
    assert count(name, 5, auxiliary=False, pretrained=False) > 0
