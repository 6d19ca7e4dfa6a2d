"""hf:NAME_OR_FOLDER: what it may mean, what is known of a model before its weights are read, and every bad input in one line."""

from __future__ import annotations

import importlib.util
import json
import pickle
import shutil
import socket

import numpy as np
import pytest

import kontur
from command_line import run
from kontur import registry
from kontur.core.errors import InputError, MissingExtra, OptionError, UnknownName, UnreadableFile
from kontur.hub.categories import ADE_STUFF, CITYSCAPES_STUFF, CITYSCAPES_THINGS, COCO_THINGS, names_of, things_of

COCO_STUFF = ("banner", "blanket", "sky-other-merged", "grass-merged")
ADE_ENDS = {0: "wall", 1: "building", 148: "clock", 149: "flag"}
PICTURE = np.full((8, 9, 3), 90, np.uint8)


@pytest.fixture
def pretended(monkeypatch):
    """The extra is installed, as far as a folder's description needs it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())


def described(folder, config, **files):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return registry.get(f"hf:{folder}")


def numbered(names):
    return {str(i): name for i, name in enumerate(names)}


MASK2FORMER = {"architectures": ["Mask2FormerForUniversalSegmentation"], "model_type": "mask2former"}


# --- what is known before the weights are read ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("architecture", "task"),
    [
        ("SegformerForSemanticSegmentation", "semantic"),
        ("BeitForSemanticSegmentation", "semantic"),
        ("DetrForSegmentation", "panoptic"),
        ("SamModel", "foreground"),
        ("Sam2VideoModel", "foreground"),
    ],
)
def test_the_task_of_a_family(tmp_path, pretended, architecture, task):
    row = described(tmp_path / "m", {"architectures": [architecture]})
    assert (row.task, row.extra) == (task, "hf")
    assert row.prompts == (("box", "point") if task == "foreground" else ())
    assert "device" in {o.name for o in row.options}


@pytest.mark.parametrize("task", ["semantic", "instance", "panoptic"])
def test_the_own_task_of_a_model_is_in_its_name(tmp_path, pretended, task):
    assert described(tmp_path / f"mask2former-swin-tiny-coco-{task}", MASK2FORMER).task == task


def test_the_own_task_by_what_else_is_known(tmp_path, pretended):
    coco = MASK2FORMER | {"id2label": numbered(sorted(COCO_THINGS))}
    assert described(tmp_path / "a", coco).task == "instance"
    assert (
        described(tmp_path / "b", coco | {"id2label": numbered([*sorted(COCO_THINGS), *COCO_STUFF])}).task == "panoptic"
    )
    eomt = {"architectures": ["EomtForUniversalSegmentation"]}
    assert described(tmp_path / "c", eomt, preprocessor_config={"do_split_image": True}).task == "semantic"
    assert described(tmp_path / "d", eomt).task == "panoptic"


def test_things_by_the_names_of_known_data_sets():
    coco = dict(enumerate([*sorted(COCO_THINGS), *COCO_STUFF]))
    assert things_of(coco, None) == COCO_THINGS
    assert len(COCO_THINGS) == 80
    streets = dict(enumerate([*CITYSCAPES_STUFF, *CITYSCAPES_THINGS]))
    assert len(streets) == 19
    assert things_of(streets, None) == CITYSCAPES_THINGS
    ade = {i: f"category {i}" for i in range(150)} | ADE_ENDS
    assert len(ADE_STUFF) == 50
    assert len(things_of(ade, None)) == 100
    assert "wall" not in things_of(ade, None)
    assert things_of({0: "nucleus", 1: "other"}, None) is None


def test_things_from_the_class_file_of_oneformer(tmp_path, pretended):
    classes = {"0": {"isthing": 0, "name": "wall"}, "1": {"isthing": 1, "name": "door"}}
    config = {"architectures": ["OneFormerForUniversalSegmentation"], "id2label": {"0": "wall", "1": "door"}}
    row = described(tmp_path, config, preprocessor_config={"class_info_file": "ade.json"}, ade=classes)
    assert [(c.name, c.thing) for c in row.hub_model.taxonomy] == [("wall", False), ("door", True)]


def test_names_that_occur_twice_and_names_that_are_missing():
    assert names_of({"id2label": {"2": "N/A", "0": "N/A", "1": "cat "}}) == {0: "N/A (0)", 1: "cat", 2: "N/A (2)"}
    assert names_of({}) == {0: "LABEL_0", 1: "LABEL_1"}


def test_every_category_has_its_place_when_255_is_one(tmp_path, pretended):
    row = described(tmp_path, MASK2FORMER | {"id2label": {str(i): f"c{i}" for i in range(300)}})
    assert len(row.hub_model.taxonomy) == 300


# --- bad input --------------------------------------------------------------------------------------------------------


def test_without_the_extra(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "transformers" else object())
    with pytest.raises(MissingExtra, match=r"pip install 'kontur\[hf\]'"):
        kontur.segment(PICTURE, "hf:somebody/something")


def test_folders_that_are_none_or_hold_no_model(tmp_path, pretended):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.safetensors").write_bytes(b"")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/config.json").write_text("{")
    (tmp_path / "list").mkdir()
    (tmp_path / "list/config.json").write_text("[1]")
    for target, words in [
        ("", "expected a name or a folder"),
        (tmp_path / "nowhere", "no such folder"),
        ("./nowhere", "no such folder"),
        ("~/no/such/model", "no such folder"),
        (tmp_path / "file.safetensors", "got a file"),
        (tmp_path / "empty", "got no config.json"),
        (tmp_path / "broken", "cannot be read"),
        (tmp_path / "list", "no JSON object"),
    ]:
        with pytest.raises(UnreadableFile, match=words) as caught:
            registry.get(f"hf:{target}")
        assert "\n" not in str(caught.value)


def test_a_model_that_segments_nothing(tmp_path, pretended):
    with pytest.raises(InputError, match=r"ViTForImageClassification gives no segmentation.*Mask2Former"):
        described(tmp_path, {"architectures": ["ViTForImageClassification"], "model_type": "vit"})
    with pytest.raises(InputError, match="code of its own, which is never run"):
        described(tmp_path, {"architectures": ["Mine"], "auto_map": {"AutoModel": "mine.Mine"}})
    with pytest.raises(UnreadableFile, match="id2label"):
        described(tmp_path, MASK2FORMER | {"id2label": {"one": "cat"}})


def test_a_name_without_a_network_says_what_to_do(monkeypatch, tmp_path):
    hub = pytest.importorskip("huggingface_hub", reason="the extra hf (transformers) is not installed")
    pytest.importorskip("transformers", reason="the extra hf (transformers) is not installed")
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(socket.socket, "connect", lambda *_: (_ for _ in ()).throw(AssertionError("it called out")))
    with pytest.raises(
        UnreadableFile, match=r"cannot be reached.*hf download nobody/nothing --local-dir FOLDER.*-m hf:FOLDER"
    ) as e:
        kontur.segment(PICTURE, "hf:nobody/nothing")
    assert "\n" not in str(e.value)


def test_a_name_that_is_in_the_cache_needs_no_network(model_folder, monkeypatch, tmp_path):
    import huggingface_hub as hub

    snapshot = tmp_path / "models--some--body" / "snapshots" / ("a" * 40)
    shutil.copytree(model_folder("segformer"), snapshot)
    (tmp_path / "models--some--body/refs").mkdir()
    (tmp_path / "models--some--body/refs/main").write_text("a" * 40)
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub, "snapshot_download", lambda repository, **_: str(snapshot))
    result = kontur.segment(PICTURE, "hf:some/body")
    assert result.provenance.method == "hf:some/body"
    assert "at commit aaaa" in " ".join(result.provenance.notes)


def test_a_task_that_does_not_fit(model_folder):
    with pytest.raises(OptionError, match="is a SegFormer, which gives semantic, got 'panoptic'"):
        kontur.segment(PICTURE, f"hf:{model_folder('segformer')}", task="panoptic")
    with pytest.raises(UnknownName, match="no option named 'threshold'"):
        kontur.segment(PICTURE, f"hf:{model_folder('segformer')}", threshold=0.5)
    with pytest.raises(UnknownName, match="no option named 'task'"):
        kontur.segment(PICTURE, f"hf:{model_folder('sam')}", task="semantic")
    with pytest.raises(UnknownName, match=r"no category named 'roda'\. Did you mean 'road'"):
        kontur.segment(PICTURE, f"hf:{model_folder('maskformer')}", stuff="roda")


def test_a_gpu_that_is_not_there(model_folder):
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(OptionError, match="expected cpu or auto"):
        kontur.segment(PICTURE, f"hf:{model_folder('segformer')}", device="cuda")


def copied(model_folder, tmp_path, without=()):
    folder = tmp_path / "copy"
    shutil.copytree(model_folder("segformer"), folder)
    for name in without:
        (folder / name).unlink()
    return folder


def refused(folder, words):
    with pytest.raises(UnreadableFile, match=words) as caught:
        kontur.segment(PICTURE, f"hf:{folder}")
    assert "\n" not in str(caught.value)


def test_incomplete_folders(model_folder, tmp_path):
    folder = copied(model_folder, tmp_path, ["model.safetensors"])
    refused(folder, "expected the model's weights")
    (folder / "model.safetensors").write_bytes((model_folder("segformer") / "model.safetensors").read_bytes()[:5000])
    refused(folder, "cannot be loaded")
    shutil.copy(model_folder("segformer") / "model.safetensors", folder)
    (folder / "preprocessor_config.json").unlink()
    refused(folder, "preprocessor_config.json")


def test_weights_that_lack_the_head_are_not_made_up(model_folder, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = copied(model_folder, tmp_path)
    weights = load_file(folder / "model.safetensors")
    kept = {k: v for k, v in weights.items() if not k.startswith("decode_head.classifier")}
    assert 0 < len(kept) < len(weights)
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    refused(folder, "without 2 of them .*decode_head.classifier")


def test_weights_of_another_size(model_folder, tmp_path):
    folder = copied(model_folder, tmp_path)
    config = json.loads((folder / "config.json").read_text())
    config["id2label"] = numbered(f"c{i}" for i in range(9))
    (folder / "config.json").write_text(json.dumps(config))
    refused(folder, "cannot be loaded")


class Trap:
    """A pickle that would make a file."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


def test_a_pickle_is_read_weights_only(model_folder, tmp_path):
    import torch
    from safetensors.torch import load_file

    folder = copied(model_folder, tmp_path, ["model.safetensors"])
    weights = load_file(model_folder("segformer") / "model.safetensors")
    torch.save(weights, folder / "pytorch_model.bin")
    expected = kontur.segment(PICTURE, f"hf:{model_folder('segformer')}")
    assert np.array_equal(kontur.segment(PICTURE, f"hf:{folder}").ids, expected.ids)
    torch.save(weights | {"more": Trap(tmp_path / "sprung")}, folder / "pytorch_model.bin")
    refused(folder, "could run any program")
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    refused(folder, "could run any program|cannot be loaded")
    assert not (tmp_path / "sprung").exists()


def test_a_oneformer_saved_in_training_runs_as_a_trained_one(model_folder, tmp_path):
    """In training it drops out by its own setting, whatever `eval()` says, and wants texts."""
    folder = tmp_path / "copy"
    shutil.copytree(model_folder("oneformer"), folder)
    config = json.loads((folder / "config.json").read_text()) | {"is_training": True}
    (folder / "config.json").write_text(json.dumps(config))
    first = kontur.segment(PICTURE, f"hf:{model_folder('oneformer')}", task="instance", threshold=0.1)
    again = kontur.segment(PICTURE, f"hf:{folder}", task="instance", threshold=0.1)
    assert [i.score for i in again.instances] == [i.score for i in first.instances]


def test_the_image_part_of_a_sam_2_video_model(model_folder, tmp_path):
    """What is published as SAM 2 is the video model, with more weights than the image model has."""
    import transformers as t
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "copy"
    shutil.copytree(model_folder("sam2"), folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {"architectures": ["Sam2VideoModel"], "model_type": "sam2_video", "num_maskmem": 7}
    (folder / "config.json").write_text(json.dumps(config))
    weights = load_file(folder / "model.safetensors")
    more = weights | {"memory_temporal_positional_encoding": next(iter(weights.values())).clone()}
    save_file(more, folder / "model.safetensors", metadata={"format": "pt"})
    assert t.AutoConfig.from_pretrained(folder).model_type == "sam2_video"
    expected = kontur.segment(PICTURE, f"hf:{model_folder('sam2')}", box=(2, 2, 7, 7))
    assert np.array_equal(kontur.segment(PICTURE, f"hf:{folder}", box=(2, 2, 7, 7)).ids, expected.ids)


def test_code_beside_the_weights_is_never_run(model_folder, tmp_path):
    folder = copied(model_folder, tmp_path)
    (folder / "mine.py").write_text(f"open({str(tmp_path / 'sprung')!r}, 'w')\n")
    for name, key in (("config.json", "AutoConfig"), ("preprocessor_config.json", "AutoImageProcessor")):
        content = json.loads((folder / name).read_text()) | {"auto_map": {key: "mine.Mine"}}
        (folder / name).write_text(json.dumps(content))
    assert kontur.segment(PICTURE, f"hf:{folder}").shape == (8, 9)
    assert not (tmp_path / "sprung").exists()


# --- the command line -------------------------------------------------------------------------------------------------


def test_segment_and_describe_on_the_command_line(model_folder, tmp_path, monkeypatch, capsys):
    from PIL import Image as Pillow

    monkeypatch.chdir(tmp_path)
    Pillow.fromarray(np.random.default_rng(1).integers(0, 256, (40, 50, 3), dtype=np.uint8)).save("photo.png")
    folder, clicked = model_folder("maskformer"), model_folder("sam2")
    capsys.readouterr()  # what transformers says when it writes a model
    code, out, err = run(
        capsys, "segment", "photo.png", "-m", f"hf:{folder}", "--set", "task=instance", "--set", "threshold=0.1"
    )
    assert (code, err) == (0, "")
    document = json.loads((tmp_path / "kontur-out/photo.json").read_text())
    assert document["provenance"]["options"]["task"] == "instance"
    code, out, err = run(capsys, "segment", "photo.png", "-m", f"hf:{clicked}", "--box", "5,5,30,30", "--force")
    assert (code, err) == (0, "")
    assert np.asarray(Pillow.open("kontur-out/photo.labels.png")).shape == (40, 50)
    code, out, err = run(capsys, "segment", "photo.png", "-m", f"hf:{folder}", "--box", "5,5,30,30", "--force")
    assert code == 2
    assert err.count("\n") == 1
    code, out, err = run(capsys, "describe", f"hf:{folder}")
    assert code == 0
    assert "MaskFormer" in out
    assert "sky, road, car, person, tree" in out
    assert "threshold" in out
