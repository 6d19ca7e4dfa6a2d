"""Networks of objects: parameters of FACTS.md, torchvision's names, and what goes in and comes out."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train'")

from kontur.core.errors import InputError, OptionError, UnknownName  # noqa: E402
from kontur.core.taxonomy import Taxonomy  # noqa: E402
from kontur.inference.mask_rcnn import mask_rcnn as instances_of  # noqa: E402
from kontur.networks import build  # noqa: E402
from kontur.networks.mask_rcnn import mask_rcnn, mask_rcnn_v2  # noqa: E402
from kontur.networks.panoptic_deeplab import panoptic_deeplab  # noqa: E402
from kontur.networks.panoptic_fpn import panoptic_fpn  # noqa: E402


def count(network):
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


SMALL = {"encoder": "resnet18", "width": 16, "size": (64, 96), "anchors": (8, 16, 32, 64, 128), "frozen": False}


def small(seed=0, **options):
    torch.manual_seed(seed)
    return mask_rcnn(3, **SMALL | options)


def targets(*rows):
    """rows: (label, box) of one image of 40 x 60."""
    masks = torch.zeros(len(rows), 40, 60, dtype=torch.bool)
    for mask, (_, (x0, y0, x1, y1)) in zip(masks, rows):
        mask[y0:y1, x0:x1] = True
    boxes = torch.tensor([box for _, box in rows], dtype=torch.float32).reshape(-1, 4)
    return {"labels": torch.tensor([label for label, _ in rows], dtype=torch.int64), "boxes": boxes, "masks": masks}


def test_parameters_and_names_are_torchvisions():
    from torchvision.models import detection

    with torch.device("meta"):
        assert count(mask_rcnn(90)) == 44_401_393
        assert count(mask_rcnn_v2(90)) == 46_359_409
        plain = detection.maskrcnn_resnet50_fpn(weights=None, weights_backbone=None)
        second = detection.maskrcnn_resnet50_fpn_v2(weights=None, weights_backbone=None)
        assert {k: v.shape for k, v in mask_rcnn(90, frozen=False).state_dict().items()} == {
            k: v.shape for k, v in plain.state_dict().items()
        }
        assert list(mask_rcnn_v2(90).state_dict()) == list(second.state_dict())


def test_parameters_of_the_light_and_the_panoptic_ones():
    """Panoptic FPN is a Mask R-CNN of its things and a branch: seven 3x3 with group norm (1 + 1 + 2 + 3), and the classes."""
    with torch.device("meta"):
        light = mask_rcnn(1, encoder="tf_efficientnet_lite0", width=128)
        assert count(light) < 8.2e6
        branch = 4 * (256 * 128 * 9) + 3 * (128 * 128 * 9) + 7 * 2 * 128 + (128 + 1) * 54
        assert count(panoptic_fpn(133, things=80)) == count(mask_rcnn(80)) + branch


def test_they_are_built_by_name():
    with torch.device("meta"):
        assert count(build("mask_rcnn", 90)) == 44_401_393
        assert build("mask_rcnn_v2", 1, 4).channels == 4
        assert build("panoptic_fpn", 5, things=2).things == 2
        assert build("panoptic_deeplab", 4).classes == 4
        with pytest.raises(UnknownName, match="Did you mean 'anchors'"):
            build("mask_rcnn", 1, anchor=(1,))


def test_training_gives_losses_also_without_objects():
    network = small().train()
    images = [torch.rand(3, 40, 60), torch.rand(3, 30, 50)]
    empty = {k: v[:0, :30, :50] if k == "masks" else v for k, v in targets().items()}
    losses = network(images, [targets((1, (5, 5, 40, 35)), (3, (0, 0, 1, 1))), empty])
    assert sorted(losses) == [
        "loss_box_reg",
        "loss_classifier",
        "loss_mask",
        "loss_objectness",
        "loss_rpn_box_reg",
    ]
    total = sum(losses.values())
    assert torch.isfinite(total)
    total.backward()
    assert network.backbone.body.conv1.weight.grad.abs().sum() > 0


def test_found_boxes_are_the_images_and_become_instances():
    network = small(score=0.0, detections=20).eval()
    with torch.no_grad():
        (found,) = network([torch.rand(3, 40, 60)])
    assert found["masks"].shape[1:] == (1, 28, 28)  # not the image's size
    assert 0 < len(found["scores"]) <= 20
    assert found["boxes"][:, 2].max() <= 60
    assert found["boxes"][:, 3].max() <= 40
    arrays = [found[k].numpy() for k in ("boxes", "labels", "scores", "masks")]
    result = instances_of(*arrays, (40, 60), Taxonomy.from_names(["a", "b", "c"]), score=0.0, cut=0.0)
    assert len(result) == len(found["scores"])
    for instance, box in zip(result.instances, found["boxes"].numpy()):
        assert instance.box[0] >= np.floor(box[0]) - 2
        assert instance.box[2] <= np.ceil(box[2]) + 2


def test_other_bands_and_a_timm_encoder_learn():
    torch.manual_seed(0)
    network = mask_rcnn(1, 5, encoder="tf_efficientnet_lite0", width=16, size=(64, 64), frozen=False).train()
    losses = network([torch.rand(5, 40, 60)], [targets((1, (5, 5, 40, 35)))])
    sum(losses.values()).backward()
    first = next(p for n, p in network.named_parameters() if "conv_stem" in n)
    assert first.shape[1] == 5
    assert first.grad.abs().sum() > 0


def test_a_zoom_is_the_same_for_every_image():
    network = small(zoom=1.5)
    images, seen = network.transform([torch.rand(3, 40, 60), torch.rand(3, 20, 30)], [targets((1, (4, 8, 20, 16)))] * 2)
    assert images.image_sizes == [(60, 90), (30, 45)]
    assert seen[0]["boxes"].tolist() == [[6, 12, 30, 24]]
    assert seen[0]["masks"].shape == (1, 60, 90)
    assert seen[0]["masks"].sum() == 24 * 12
    with torch.no_grad():
        (found,) = small(zoom=1.5, score=0.0).eval()([torch.rand(3, 40, 60)])
    assert found["boxes"].max() <= 60
    with pytest.raises(OptionError, match="option zoom"):
        small(zoom=0)


def test_frozen_norms_stay_as_they_are():
    network = small(frozen=True).train()
    before = {k: v.clone() for k, v in network.state_dict().items() if "bn1" in k}
    assert before
    sum(network([torch.rand(3, 40, 60)], [targets((1, (5, 5, 40, 35)))]).values()).backward()
    assert all(torch.equal(network.state_dict()[k], v) for k, v in before.items())
    assert not any("bn1" in n for n, _ in network.named_parameters())


def test_panoptic_fpn_gives_both_parts_at_each_images_size():
    torch.manual_seed(0)
    network = panoptic_fpn(5, things=2, **SMALL)
    images = [torch.rand(3, 40, 60), torch.rand(3, 50, 30)]
    network.semantic.classify.weight.data.zero_()
    network.semantic.classify.bias.data = torch.tensor([0.5, 1.5, 2.5, 3.5])  # "other" and three kinds of stuff
    with torch.no_grad():
        found, logits = network.eval()(images)
    assert [tuple(one.shape) for one in logits] == [(4, 40, 60), (4, 50, 30)]
    assert all(torch.allclose(one, torch.tensor([0.5, 1.5, 2.5, 3.5])[:, None, None].expand_as(one)) for one in logits)
    assert [sorted(one) for one in found] == [["boxes", "labels", "masks", "scores"]] * 2
    losses, logits = network.train()(images[:1], [targets((1, (5, 5, 40, 35)))])
    assert len(losses) == 5
    assert tuple(logits[0].shape) == (4, 40, 60)
    (logits[0].sum() + sum(losses.values())).backward()
    assert network.semantic.levels[3][0].weight.grad.abs().sum() == 0  # behind classes whose weights are 0
    assert network.semantic.classify.bias.grad.abs().sum() > 0


def test_panoptic_deeplab_counts_offsets_in_pixels_of_the_image():
    torch.manual_seed(0)
    network = panoptic_deeplab(4, 2).eval()
    last = network.body.offset[-1]
    last.weight.data.zero_()
    last.bias.data = torch.tensor([1.0, -2.0])
    with torch.no_grad():
        maps = network(torch.rand(1, 2, 40, 52))
    assert tuple(maps.shape) == (1, 4 + 1 + 2, 40, 52)
    assert torch.allclose(maps[0, 5], torch.tensor(4.0))
    assert torch.allclose(maps[0, 6], torch.tensor(-8.0))


@pytest.mark.slow
def test_the_maps_of_an_onnx_file_become_a_panoptic_result(tmp_path, with_statistics):
    """As Panoptic-DeepLab is used: ONNX Runtime, then NumPy."""
    import onnxruntime

    from kontur.inference.panoptic_deeplab import panoptic_deeplab as merged
    from kontur.networks.export import export_onnx

    torch.manual_seed(0)
    network = with_statistics(panoptic_deeplab(4), (64, 64))
    export_onnx(network, tmp_path / "p.onnx", size=(64, 64))
    image = np.random.default_rng(0).random((1, 3, 70, 90), np.float32)
    (maps,) = onnxruntime.InferenceSession(tmp_path / "p.onnx").run(["logits"], {"image": image})
    taxonomy = Taxonomy.from_names(["sky", "road", "car", "dog"], things=["car", "dog"])
    result = merged(maps[0, :4], maps[0, 4], maps[0, 5:], taxonomy, threshold=-100, stuff_area=0)
    with torch.no_grad():
        best = network(torch.from_numpy(image))[0, :4].argmax(dim=0).numpy()
    stuff = best < 2
    assert (result.category_map()[stuff] == best[stuff]).mean() > 0.999
    assert (result.category_map()[~stuff] >= 2).all()


def test_what_does_not_fit_is_named():
    with pytest.raises(InputError, match=r"mask_rcnn: expected images \(3, H, W\), got \(4, 9, 9\)"):
        small().eval()([torch.zeros(4, 9, 9)])
    with pytest.raises(InputError, match="panoptic_deeplab: expected 3 channels, got 4"), torch.device("meta"):
        panoptic_deeplab(4).eval()(torch.zeros(1, 4, 32, 32))
    with pytest.raises(OptionError, match="option size"):
        small(size=(64, 32))
    with pytest.raises(OptionError, match="option anchors"):
        small(anchors=(8, 16))
    with pytest.raises(OptionError, match="option things"):
        panoptic_fpn(5, things=5, **SMALL)
