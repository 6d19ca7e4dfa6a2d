"""Each network's stages against its paper's table, and proof that skips, indices and dilations are in use."""

from __future__ import annotations

import importlib

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from torch import nn  # noqa: E402

from kontur.networks import CATALOGUE, build  # noqa: E402

# fmt: off
# name -> options, image (H, W), module -> (C, H, W) of its (first) output
STAGES = {
    # the authors' network pads by 100: 698 -> pool5 22 -> fc6 16; upsampled 34, 70, 568
    "fcn32s": ({}, (500, 500), {"stages.4": (512, 44, 44), "fc7": (4096, 16, 16), "upsample": (21, 544, 544)}),
    "fcn16s": ({}, (500, 500), {"doubling.0": (21, 34, 34), "upsample": (21, 560, 560)}),
    "fcn8s": ({}, (500, 500), {"doubling.0": (21, 34, 34), "doubling.1": (21, 70, 70), "upsample": (21, 568, 568)}),
    "fcn_resnet50": ({}, (480, 480), {"encoder.stages.3": (2048, 60, 60), "head": (21, 60, 60)}),
    "unet": (
        {},
        (572, 572),
        {
            "down.0": (64, 568, 568), "down.1": (128, 280, 280), "down.2": (256, 136, 136), "down.3": (512, 64, 64),
            "down.4": (1024, 28, 28), "join.0": (512, 52, 52), "join.1": (256, 100, 100), "join.2": (128, 196, 196),
            "join.3": (64, 388, 388),
        },
    ),
    "segnet": (
        {},
        (360, 480),
        {
            "encoder.0": (64, 360, 480), "encoder.1": (128, 180, 240), "encoder.2": (256, 90, 120), "encoder.3": (512, 45, 60),
            "encoder.4": (512, 23, 30), "decoder.0": (512, 23, 30), "decoder.1": (256, 45, 60), "decoder.4": (21, 360, 480),
        },
    ),
    "deconvnet": (
        {},
        (224, 224),
        {
            "encoder.4": (512, 14, 14), "fc6": (4096, 1, 1), "fc7": (4096, 1, 1), "deconv_fc6": (512, 7, 7),
            "decoder.0": (512, 14, 14), "decoder.1": (256, 28, 28), "decoder.2": (128, 56, 56), "decoder.3": (64, 112, 112),
            "decoder.4": (64, 224, 224),
        },
    ),
    "dilatednet": ({}, (512, 512), {"front_end.fc6": (4096, 64, 64), "front_end": (21, 64, 64), "context": (21, 64, 64)}),
    "deeplab_v1": ({}, (321, 321), {"fc6": (1024, 41, 41), "classify": (21, 41, 41)}),
    "deeplab_v2": ({}, (321, 321), {"encoder.stages.3": (2048, 41, 41), "branches.3": (21, 41, 41)}),
    "deeplab_v3": (
        {"output_stride": 16},
        (513, 513),
        {"encoder.stages.2": (1024, 33, 33), "encoder.stages.3": (2048, 33, 33), "head.0": (256, 33, 33)},
    ),
    "deeplab_v3plus": (
        {},
        (513, 513),
        {"encoder.stages.0": (256, 129, 129), "aspp": (256, 33, 33), "reduce": (48, 129, 129), "refine": (256, 129, 129)},
    ),
    "refinenet": (
        {},
        (512, 512),
        {"blocks.0": (512, 16, 16), "blocks.1": (256, 32, 32), "blocks.2": (256, 64, 64), "blocks.3": (256, 128, 128)},
    ),
    "pspnet": ({}, (473, 473), {"encoder.stem": (128, 119, 119), "encoder.stages.3": (2048, 60, 60), "head.0": (4096, 60, 60)}),
    "gcn": (
        {},
        (512, 512),
        {"score.0": (21, 128, 128), "score.1": (21, 64, 64), "score.2": (21, 32, 32), "score.3": (21, 16, 16),
         "refine.3": (21, 256, 256), "refine.4": (21, 512, 512)},
    ),
    "enet": (
        {},
        (512, 512),
        {"initial": (16, 256, 256), "down1": (64, 128, 128), "stage1": (64, 128, 128), "stage2": (128, 64, 64),
         "stage3": (128, 64, 64), "stage4": (64, 128, 128), "stage5": (16, 256, 256)},
    ),
    "linknet": (
        {},
        (640, 352),
        {"encoder.stages.0": (64, 160, 88), "encoder.stages.3": (512, 20, 11), "decoders.0": (256, 40, 22),
         "decoders.1": (128, 80, 44), "decoders.2": (64, 160, 88), "decoders.3": (64, 160, 88), "refine": (32, 320, 176)},
    ),
    "fc_densenet56": ({}, (224, 224), {"transition_down.4": (288, 7, 7), "bottleneck": (48, 7, 7)}),
    "fc_densenet67": ({}, (224, 224), {"transition_down.4": (448, 7, 7), "bottleneck": (80, 7, 7)}),
    "fc_densenet103": (
        {},
        (224, 224),
        {"transition_down.0": (112, 112, 112), "transition_down.1": (192, 56, 56), "transition_down.2": (304, 28, 28),
         "transition_down.3": (464, 14, 14), "transition_down.4": (656, 7, 7), "bottleneck": (240, 7, 7)},
    ),
    "bisenet": (
        {},
        (1024, 1024),
        {"spatial": (128, 128, 128), "context.refine16": (128, 64, 64), "context.refine32": (128, 32, 32), "fuse": (256, 128, 128)},
    ),
    "erfnet": (
        {},
        (512, 1024),
        {"down1": (16, 256, 512), "down2": (64, 128, 256), "stage2": (64, 128, 256), "stage3": (128, 64, 128),
         "stage4": (64, 128, 256), "stage5": (16, 256, 512)},
    ),
    "segformer_b0": ({}, (512, 512), {"0.norms.3": (256, 256), "1.fuse": (256, 128, 128), "1": (21, 128, 128)}),
    "kontur_lite": ({}, (512, 512), {"context": (96, 16, 16), "refine": (96, 128, 128), "sharpen": (48, 256, 256)}),
}
# fmt: on


def test_every_network_has_its_table():
    assert set(STAGES) == set(CATALOGUE) - {"crf_rnn"}  # which is a network of the table and a mean field


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_every_file_says_how_it_differs_from_its_paper(name):
    module = importlib.import_module(f"kontur.networks.{CATALOGUE[name].module}")
    own = name == "kontur_lite"  # has no paper to differ from
    assert ("Decoder: this project" if own else "Differs from the paper: ") in module.__doc__


@pytest.mark.parametrize("name", list(STAGES))
def test_stages_are_the_papers(name):
    options, size, expected = STAGES[name]
    seen = {}

    def keep(path):
        def hook(module, inputs, output):
            seen[path] = tuple((output if isinstance(output, torch.Tensor) else output[0]).shape[1:])

        return hook

    with torch.device("meta"):
        network = build(name, 21, **options).eval()
        for path in expected:
            network.body.get_submodule(path).register_forward_hook(keep(path))
        network(torch.empty(1, 3, *size))
    assert seen == expected


def test_tiramisus_last_block_has_the_tables_width():
    with torch.device("meta"):
        network = build("fc_densenet103", 11)
    ups = [t.out_channels for t in network.body.transition_up]
    assert ups == [240, 192, 160, 112, 80]
    assert network.body.classify.in_channels == 256


def without_encoders_stage(number):
    def ablate(body):
        forward = body.encoder.forward

        def ablated(image):
            features = list(forward(image))
            features[number] = torch.zeros_like(features[number])
            return features

        body.encoder.forward = ablated

    return ablate


def silenced(*paths):
    def ablate(body):
        for path in paths:
            body.get_submodule(path).register_forward_hook(lambda module, inputs, output: torch.zeros_like(output))

    return ablate


def without_dilation(body):
    count = 0
    for module in body.modules():
        if isinstance(module, nn.Conv2d) and max(module.dilation) > 1:
            module.padding = tuple(k // 2 for k in module.kernel_size)
            module.dilation = (1, 1)
            count += 1
    assert count


def without_indices(body):
    """Every value goes to the top left of its window instead."""
    from kontur.networks.upsampling import UnpoolIndices

    for module in body.modules():
        if isinstance(module, UnpoolIndices):
            forward = module.forward

            def fixed(feature, indices, size, forward=forward):
                rows = 2 * torch.arange(feature.shape[2])[:, None] * size[1]
                places = (rows + 2 * torch.arange(feature.shape[3])[None, :]).expand_as(indices)
                return forward(feature, places, size)

            module.forward = fixed


def without_unets_skips(body):
    body._fitted = lambda skip, feature: (torch.zeros_like(skip), feature[..., : skip.shape[2], : skip.shape[3]])


def without_links(body):
    after_stem = body.encoder.after_stem

    def ablated(stem):
        features = after_stem(stem)
        features[0] = torch.zeros_like(features[0])
        return features

    body.encoder.after_stem = ablated


def without_dense_skip(body):
    new = body.transition_up[0].out_channels

    def hook(module, inputs):
        return (torch.cat([inputs[0][:, :new], torch.zeros_like(inputs[0][:, new:])], dim=1),)

    body.up[0].register_forward_pre_hook(hook)


ABLATIONS = [
    ("unet", {"padded": True}, without_unets_skips),
    ("linknet", {}, without_links),
    ("segnet", {}, without_indices),
    ("enet", {}, without_indices),
    ("enet", {}, without_dilation),
    ("erfnet", {}, without_dilation),
    ("deeplab_v1", {}, without_dilation),
    ("deeplab_v3", {}, without_dilation),
    ("deeplab_v3", {}, silenced("head.0.branches.4")),
    ("deeplab_v3plus", {}, without_encoders_stage(0)),
    ("kontur_lite", {}, without_encoders_stage(0)),
    ("fc_densenet56", {}, without_dense_skip),
    ("segformer_b0", {}, silenced("1.unify.0")),
    ("bisenet", {}, silenced("spatial")),
    ("pspnet", {}, silenced("head.0.project.3")),
]
HEAVY = [
    ("fcn16s", {}, silenced("score_skips.0")),
    ("fcn8s", {}, silenced("score_skips.1")),
    ("gcn", {}, without_encoders_stage(0)),
    ("refinenet", {}, without_encoders_stage(0)),
    ("deeplab_v2", {}, silenced("branches.3")),
]


@pytest.mark.parametrize(
    ("name", "options", "ablate"), [*ABLATIONS, *(pytest.param(*case, marks=pytest.mark.slow) for case in HEAVY)]
)
def test_taking_a_part_away_changes_the_logits(name, options, ablate, with_statistics):
    torch.manual_seed(0)
    network = build(name, 3, **options).eval()
    if (
        name == "gcn"
    ):  # without statistics 50 untrained bottlenecks make logits of 1e5, in which the finest stage is lost
        network = with_statistics(network, (48, 48))
    image = torch.rand(1, 3, 48, 48)
    with torch.no_grad():
        whole = network(image)
        ablate(network.body)
        reduced = network(image)
    assert whole.shape == reduced.shape
    assert (whole - reduced).abs().max() > 1e-3 * whole.std()


def test_dilatednets_context_starts_as_the_identity_and_then_sees_far():
    """Equation 4 of the paper; with other weights its 3x3 windows of dilation 1, 1, 2, 4, 8, 16, 1 span 67 pixels."""
    from kontur.networks.dilatednet import ContextModule

    context = ContextModule(2)
    scores = torch.rand(1, 2, 9, 9)  # ReLUs leave what is not negative
    assert torch.equal(context(scores), scores)
    with torch.no_grad():
        for parameter in context.parameters():
            parameter.fill_(0.1)
    image = torch.rand(1, 2, 101, 101, requires_grad=True)
    (gradient,) = torch.autograd.grad(context(image)[0, 0, 50, 50], image)
    rows = gradient[0].sum(dim=(0, 2)).nonzero().flatten()
    assert (int(rows.min()), int(rows.max())) == (50 - 33, 50 + 33)
