"""What kontur makes of a network is what transformers' own post-processing makes of it, called directly.

The networks are tiny and random, their outputs as varied as those of trained ones; each test goes from the folder to the result.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import kontur

t = pytest.importorskip("transformers", reason="the extra hf (transformers) is not installed")
import torch  # noqa: E402
from PIL import Image as Pillow  # noqa: E402

from hub.tiny_models import NAMES, SIDE, picture  # noqa: E402
from kontur.hub.masks import Queries, panoptic  # noqa: E402

SIZE = (60, 83)
QUERIES = {
    "maskformer": t.MaskFormerForInstanceSegmentation,
    "mask2former": t.Mask2FormerForUniversalSegmentation,
    "oneformer": t.OneFormerForUniversalSegmentation,
    "eomt": t.EomtForUniversalSegmentation,
    "detr": t.DetrForSegmentation,
}


def output_of(folder, network_class, processor=None, pixels=None, **asked):
    """The processor and the network's raw output, as the documentation of transformers shows."""
    processor = processor or t.AutoImageProcessor.from_pretrained(folder)
    network = network_class.from_pretrained(folder).eval()
    image = Pillow.fromarray(picture() if pixels is None else pixels)
    inputs = processor(images=image, return_tensors="pt", **asked)
    with torch.no_grad():
        return processor, network(**inputs)


def output_of_queries(name, folder, task="panoptic", **asked):
    if name != "oneformer":
        return output_of(folder, QUERIES[name], **asked)
    images = t.OneFormerImageProcessor(size={"height": SIDE, "width": SIDE})
    processor = t.OneFormerProcessor(images, t.AutoTokenizer.from_pretrained(folder))
    return output_of(folder, QUERIES[name], processor, task_inputs=[task])


def categories(result):
    return result.category_map(none=-1)


def agree(name, ours, theirs):
    """Every pixel; of OneFormer, which transformers enlarges by another routine, all but those within the last digits."""
    return np.mean(ours == theirs) > 0.9995 if name == "oneformer" else np.array_equal(ours, theirs)


def test_segformer_gives_the_category_with_the_highest_logit(model_folder):
    folder = model_folder("segformer")
    processor, output = output_of(folder, t.SegformerForSemanticSegmentation)
    expected = processor.post_process_semantic_segmentation(output, [SIZE])[0].numpy()
    result = kontur.segment(picture(), f"hf:{folder}")
    assert np.array_equal(categories(result), expected)
    assert len(np.unique(expected)) > 2
    assert [c.name for c in result.taxonomy] == list(NAMES.values())


@pytest.mark.parametrize("name", QUERIES)
def test_semantic_of_queries(model_folder, name):
    folder = model_folder(name)
    processor, output = output_of_queries(name, folder, "semantic")
    if name == "eomt":  # transformers would stretch EoMT's padding over the image; without it, the sum of the paper
        masks = torch.nn.functional.interpolate(output.masks_queries_logits, size=(SIDE, SIDE), mode="bilinear")
        masks = masks[0, :, : round(SIZE[0] / SIZE[1] * SIDE)].sigmoid()
        scores = torch.einsum("qc,qhw->chw", output.class_queries_logits[0].softmax(-1)[:, :-1], masks)
        large = torch.nn.functional.interpolate(scores[None], size=SIZE, mode="bilinear")
        expected = large[0].argmax(0).numpy()
    else:
        expected = processor.post_process_semantic_segmentation(output, target_sizes=[SIZE])[0].numpy()
    result = kontur.segment(picture(), f"hf:{folder}", task="semantic")
    assert agree(name, categories(result), expected)
    assert len(np.unique(expected)) > 1 or name in ("oneformer", "detr")


def test_semantic_of_eomt_in_squares(model_folder):
    folder = model_folder("eomt", split=True)
    processor = t.AutoImageProcessor.from_pretrained(folder)
    inputs = processor(images=Pillow.fromarray(picture()), return_tensors="pt")
    assert inputs["pixel_values"].shape[0] == 2  # 60x83 is cut in two squares
    network = t.EomtForUniversalSegmentation.from_pretrained(folder).eval()
    with torch.no_grad():
        output = network(**inputs)
    output.patch_offsets = inputs["patch_offsets"]
    expected = processor.post_process_semantic_segmentation(output, [SIZE])[0].numpy()
    result = kontur.segment(picture(), f"hf:{folder}")  # its own task, read from do_split_image
    assert np.array_equal(categories(result), expected)
    assert len(np.unique(expected)) > 2


def as_library(found):
    """{(category, score)} of a list of segments of transformers, the score to 5 digits."""
    return sorted((segment["label_id"], round(segment["score"], 5)) for segment in found)


def as_ours(found):
    return sorted((s.category, round(s.score, 5)) for s in found)


@pytest.mark.parametrize("name", ["maskformer", "mask2former"])
def test_instances_overlap_as_the_binary_maps_of_the_library(model_folder, name):
    folder = model_folder(name)
    processor, output = output_of_queries(name, folder)
    expected = processor.post_process_instance_segmentation(
        output, threshold=0.2, target_sizes=[SIZE], return_binary_maps=True
    )[0]
    result = kontur.segment(picture(), f"hf:{folder}", task="instance", threshold=0.2)
    assert isinstance(result, kontur.Instances)
    assert as_ours(result.instances) == as_library(expected["segments_info"])
    ours = sorted(result.mask(n).tobytes() for n in range(len(result)))
    assert ours == sorted(m.numpy().astype(bool).tobytes() for m in expected["segmentation"])
    assert len({i.category for i in result.instances}) > 1
    assert min(i.score for i in result.instances) >= 0.2


def test_instances_of_oneformer_are_those_of_the_paper(model_folder):
    """transformers cuts OneFormer's logits where it means probabilities; MaskFormer's post-processing is the paper's."""
    folder = model_folder("oneformer")
    _, output = output_of_queries("oneformer", folder, "instance")
    expected = t.MaskFormerImageProcessor().post_process_instance_segmentation(
        output, threshold=0.2, target_sizes=[SIZE], return_binary_maps=True
    )[0]
    result = kontur.segment(picture(), f"hf:{folder}", task="instance", threshold=0.2)
    assert as_ours(result.instances) == as_library(expected["segments_info"])
    assert len(result) > 2


def test_instances_of_eomt(model_folder):
    folder = model_folder("eomt")
    processor, output = output_of_queries("eomt", folder)
    expected = processor.post_process_instance_segmentation(output, target_sizes=[SIZE], threshold=0.2)[0]
    result = kontur.segment(picture(), f"hf:{folder}", task="instance", threshold=0.2)
    assert as_ours(result.instances) == as_library(expected["segments_info"])
    painted = np.full(SIZE, -1)
    for number in range(len(result)):
        painted[result.mask(number)] = number
    assert np.array_equal(painted, expected["segmentation"].numpy())
    assert len(result) > 3


@pytest.mark.parametrize("name", QUERIES)
@pytest.mark.parametrize(("threshold", "overlap"), [(0.2, 0.0), (0.3, 0.4)])
def test_panoptic(model_folder, name, threshold, overlap):
    folder = model_folder(name)
    processor, output = output_of_queries(name, folder)
    options = {"threshold": threshold, "overlap_mask_area_threshold": overlap, "target_sizes": [SIZE]}
    if name != "eomt":
        options["label_ids_to_fuse"] = set()
    expected = processor.post_process_panoptic_segmentation(output, **options)[0]
    result = kontur.segment(picture(), f"hf:{folder}", task="panoptic", threshold=threshold, overlap=overlap)
    assert as_ours(result.segments) == as_library(expected["segments_info"])
    ids = expected["segmentation"].numpy() + (1 if name == "eomt" else 0)
    assert agree(name, result.ids, np.maximum(ids, 0))
    assert len(result) > 0


@pytest.mark.parametrize("seed", range(4))
def test_panoptic_of_eomt_on_flat_patches(seed):
    """Patches that no mask reaches, that two share, and of every probability: void is where the library says -1."""
    random = np.random.default_rng(seed)
    patches = np.where(random.random((9, 4, 4)) < 0.15, 2, -3) + random.normal(0, 1, (9, 4, 4))
    masks = torch.tensor(patches.repeat(8, axis=1).repeat(8, axis=2), dtype=torch.float32)
    classes = torch.tensor(random.normal(0, 3, (9, 4)), dtype=torch.float32)
    output = SimpleNamespace(masks_queries_logits=masks[None], class_queries_logits=classes[None])
    processor = t.EomtImageProcessor(size={"shortest_edge": 32, "longest_edge": 32})
    for threshold, mask_threshold, overlap in ((0.3, 0.5, 0.0), (0.5, 0.6, 0.8)):
        expected = processor.post_process_panoptic_segmentation(
            output, [(32, 32)], threshold, mask_threshold, overlap, stuff_classes=[]
        )[0]
        queries = Queries(classes, masks, (32, 32), logits_first=True)
        result = panoptic(queries, threshold, mask_threshold, overlap, frozenset())
        assert np.array_equal(result.ids, expected["segmentation"].numpy() + 1)
        assert [*result.categories.values()] == [s["label_id"] for s in expected["segments_info"]]
        assert (result.ids == 0).any()
        assert (result.ids > 0).any()


def test_instances_of_detr_share_the_pixels_out(model_folder):
    folder = model_folder("detr")
    processor, output = output_of_queries("detr", folder)
    expected = processor.post_process_instance_segmentation(
        output, threshold=0.2, overlap_mask_area_threshold=0.0, target_sizes=[SIZE]
    )[0]
    result = kontur.segment(picture(), f"hf:{folder}", task="instance", threshold=0.2, overlap=0.0)
    assert as_ours(result.instances) == as_library(expected["segments_info"])
    for number, segment in enumerate(expected["segments_info"]):
        assert np.array_equal(result.mask(number), expected["segmentation"].numpy() == segment["id"])


def test_padding_is_cut_off_before_the_masks_are_enlarged(model_folder):
    """60x83 becomes 64x88 in a square of 128 pixels; transformers stretches the whole square over the image."""
    folder = model_folder("maskformer", pad=128)
    processor, output = output_of_queries("maskformer", folder)
    assert output.masks_queries_logits.shape[-2:] == (32, 32)
    large = torch.nn.functional.interpolate(output.masks_queries_logits, size=(128, 128), mode="bilinear")
    output.masks_queries_logits = large[..., :64, :88]
    expected = processor.post_process_semantic_segmentation(output, target_sizes=[SIZE])[0].numpy()
    result = kontur.segment(picture(), f"hf:{folder}", task="semantic")
    assert np.array_equal(categories(result), expected)
    assert len(np.unique(expected)) > 1


# --- any image ------------------------------------------------------------------------------------------------------


def test_any_bands_and_depths_are_brought_to_8_bit_rgb(model_folder):
    name = f"hf:{model_folder('segformer')}"
    colour = kontur.segment(picture(), name)
    alpha = np.dstack([picture(), np.full(SIZE, 77, np.uint8)])
    assert np.array_equal(kontur.segment(alpha, name).ids, colour.ids)
    assert np.array_equal(kontur.segment(picture().astype(np.float32) / 255, name).ids, colour.ids)
    grey = picture()[..., 0]
    repeated = kontur.segment(grey[..., None].repeat(3, axis=2), name)
    assert np.array_equal(kontur.segment(grey, name).ids, repeated.ids)
    low, high = int(grey.min()), int(grey.max())
    stretched = np.rint((grey.astype(np.float32) - low) / (high - low) * 255).astype(np.uint8)
    deep = grey.astype(np.uint16) * 200 + 1000
    assert np.array_equal(
        kontur.segment(deep, name).ids, kontur.segment(stretched[..., None].repeat(3, axis=2), name).ids
    )
    assert any("bands" in note for note in kontur.segment(alpha, name).provenance.notes)


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 2), (7, 5), (3, 3)])
@pytest.mark.parametrize("name", ["segformer", "maskformer", "mask2former", "oneformer", "eomt", "detr", "sam2"])
def test_any_size(model_folder, name, shape):
    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    if name == "sam2":
        assert kontur.segment(pixels, f"hf:{model_folder(name)}", box=(0, 0, shape[1], shape[0])).shape == shape
        return
    result = kontur.segment(pixels, f"hf:{model_folder(name)}", task="semantic")
    assert result.shape == shape
    assert (result.ids > 0).all()


def test_provenance_says_which_network_ran(model_folder):
    folder = model_folder("mask2former")
    result = kontur.segment(picture(), f"hf:{folder}", task="panoptic")
    assert result.provenance.method == f"hf:{folder}"
    assert result.provenance.options["task"] == "panoptic"
    text = " ".join(result.provenance.notes)
    assert "Mask2Former" in text
    assert t.__version__ in text
    kontur.segment(picture(), f"hf:{folder}")
    assert "reading the network" not in " ".join(kontur.segment(picture(), f"hf:{folder}").provenance.notes)
