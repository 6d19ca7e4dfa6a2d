"""SAM and SAM 2: boxes and points give the masks of transformers' own processor and post-processing."""

from __future__ import annotations

import numpy as np
import pytest

import kontur
from kontur.core.errors import PromptError

t = pytest.importorskip("transformers", reason="the extra hf (transformers) is not installed")
import torch  # noqa: E402
from PIL import Image as Pillow  # noqa: E402

from hub.tiny_models import picture  # noqa: E402

SIZE = (60, 83)
CLASSES = {"sam": (t.SamModel, t.SamProcessor), "sam2": (t.Sam2Model, t.Sam2Processor)}


def library(name, folder, *, three, **prompts):
    """Logits (N, 3 or 1, H, W) and predicted IoU (N, 3 or 1), as the documentation of transformers shows."""
    network, processor = (c.from_pretrained(folder) for c in CLASSES[name])
    inputs = processor(images=Pillow.fromarray(picture()), return_tensors="pt", **prompts)
    kept = {k: v for k, v in inputs.items() if k not in ("original_sizes", "reshaped_input_sizes")}
    kept |= {k: v.float() for k, v in kept.items() if v.dtype == torch.float64}
    with torch.no_grad():
        output = network.eval()(**kept, multimask_output=three)
    sizes = [inputs["original_sizes"]] + ([inputs["reshaped_input_sizes"]] if name == "sam" else [])
    masks = processor.post_process_masks([output.pred_masks[0]], *sizes, binarize=False)[0]
    return masks.numpy(), output.iou_scores[0].numpy()


def share(value):
    return pytest.approx(min(1.0, max(0.0, float(value))), abs=1e-5)


@pytest.mark.parametrize("name", CLASSES)
def test_a_box(model_folder, name):
    folder = model_folder(name)
    masks, trust = library(name, folder, three=False, input_boxes=[[[10, 10, 50, 40]]])
    result = kontur.segment(picture(), f"hf:{folder}", box=(10, 10, 50, 40))
    assert np.array_equal(result.foreground, masks[0, 0] > 0)
    assert 0 < result.foreground.sum() < result.foreground.size
    assert result.background == 1
    assert result.segment(2).score == share(trust[0, 0])


@pytest.mark.parametrize("name", CLASSES)
def test_one_point_is_ambiguous_and_the_most_trusted_of_three_masks_is_taken(model_folder, name):
    folder = model_folder(name)
    points = {"input_points": [[[[30, 20]]]], "input_labels": [[[1]]]}
    masks, trust = library(name, folder, three=True, **points)
    assert masks.shape[1] == 3
    result = kontur.segment(picture(), f"hf:{folder}", point=(30, 20, 2))
    assert np.array_equal(result.foreground, masks[0, trust[0].argmax()] > 0)
    assert result.segments[-1].score == share(trust[0].max())


@pytest.mark.parametrize("name", CLASSES)
def test_points_of_an_object_and_of_the_background(model_folder, name):
    folder = model_folder(name)
    points = {"input_points": [[[[30, 20], [5, 5], [33, 22]]]], "input_labels": [[[1, 0, 1]]]}
    masks, _ = library(name, folder, three=False, **points)
    result = kontur.segment(picture(), f"hf:{folder}", point=[(30, 20, 2), (5, 5, 1), (33, 22, 2)])
    assert np.array_equal(result.foreground, masks[0, 0] > 0)


@pytest.mark.parametrize("name", CLASSES)
def test_two_objects_share_the_pixels_out_by_their_logits(model_folder, name):
    """Box 1 with its point of label 2, and box 2: each asked on its own, then the higher logit wins."""
    folder = model_folder(name)
    first, _ = library(
        name, folder, three=False, input_boxes=[[[10, 10, 50, 40]]], input_points=[[[[30, 20]]]], input_labels=[[[1]]]
    )
    second, _ = library(name, folder, three=False, input_boxes=[[[40, 5, 80, 55]]])
    result = kontur.segment(picture(), f"hf:{folder}", box=[(10, 10, 50, 40), (40, 5, 80, 55)], point=[(30, 20, 2)])
    logits = np.stack([np.zeros(SIZE), first[0, 0], second[0, 0]])
    assert np.array_equal(result.ids, logits.argmax(0) + 1)
    assert result.provenance.method == f"hf:{folder}"


@pytest.mark.parametrize("name", CLASSES)
def test_without_a_prompt_the_masks_of_a_grid_come_most_trusted_first(model_folder, name):
    folder = model_folder(name)
    centres = [[[83 * (x + 0.5) / 3, 60 * (y + 0.5) / 3]] for y in range(3) for x in range(3)]
    masks, trust = library(name, folder, three=True, input_points=[centres], input_labels=[[[1]] * 9])
    result = kontur.segment(picture(), f"hf:{folder}", grid=3, threshold=0.0, stability=0.0)
    assert isinstance(result, kontur.Instances)
    assert len(result) >= 1
    some = [(float(trust[n, k]), masks[n, k] > 0) for n in range(9) for k in range(3) if (masks[n, k] > 0).any()]
    # every mask is one of the library's, and no box of theirs overlaps another of higher trust by more than 0.7
    known = {mask.tobytes() for score, mask in some if score >= 0}
    assert all(result.mask(n).tobytes() in known for n in range(len(result)))
    assert result.instances[0].score == share(max(score for score, _ in some))
    scores = [i.score for i in result.instances]
    assert scores == sorted(scores, reverse=True)
    assert len(kontur.segment(picture(), f"hf:{folder}", grid=3, threshold=1.0, stability=1.0)) <= len(result)


def test_background_alone_is_no_object(model_folder):
    with pytest.raises(PromptError, match="background alone"):
        kontur.segment(picture(), f"hf:{model_folder('sam')}", point=(3, 3, 1))


def test_prompts_that_do_not_fit(model_folder):
    with pytest.raises(PromptError, match=r"takes no scribbles .*box or point"):
        kontur.segment(picture(), f"hf:{model_folder('sam')}", scribbles=np.ones(SIZE, np.uint8))
    with pytest.raises(PromptError, match=r"takes no box .*none"):
        kontur.segment(picture(), f"hf:{model_folder('segformer')}", box=(1, 1, 5, 5))
    with pytest.raises(PromptError, match="inside the image of 83x60"):
        kontur.segment(picture(), f"hf:{model_folder('sam')}", box=(1, 1, 500, 5))
