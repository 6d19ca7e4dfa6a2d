"""Help at 80 columns, completion, and what is meant by what is no command and no method."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from PIL import Image

from command_line import run
from kontur.cli import COMMANDS, _Plain, build_app, screen
from kontur.files.exports import EXPORTS


def kontur(*arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "kontur", *arguments], capture_output=True, text=True, env=os.environ | environment
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_is_cut_off_at_80_columns(command):
    text = kontur(command, "--help", COLUMNS="80", TERM="dumb")
    assert f"Usage: kontur {command}" in text
    assert "\u2026" not in text
    assert max(map(len, text.splitlines())) <= 80
    if command == "segment":
        words = " ".join(text.replace("\u2502", " ").split())
        assert f"Of {', '.join(EXPORTS)}." in words


def test_the_shell_can_complete_commands():
    assert "--install-completion" in kontur("--help", COLUMNS="80")
    found = kontur(_KONTUR_COMPLETE="complete_bash", COMP_WORDS="kontur seg", COMP_CWORD="1")
    assert "segment" in found.split()


def test_a_photo_in_place_of_a_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photo.jpg").touch()
    code, _, err = run(capsys, "photo.jpg")
    assert (code, err) == (2, "kontur: no command 'photo.jpg'. Did you mean `kontur segment photo.jpg`?\n")


@pytest.mark.parametrize("name", ["deeplab", "DeepLab", "unet", "segformer"])
def test_a_network_in_place_of_a_method(tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photo.jpg").touch()
    code, _, err = run(capsys, "segment", "photo.jpg", "-m", name)
    assert (code, err.count("\n")) == (2, 1)
    for words in (f"no method named {name!r}", "kontur networks", "kontur train", "hf:"):
        assert words in err


@pytest.mark.parametrize("command", ["train", "export"])
@pytest.mark.parametrize("spelling", [("--output", "there"), ("--out", "there"), ("--out=there",), ("-o", "there")])
def test_old_spellings_are_accepted(tmp_path, monkeypatch, capsys, command, spelling):
    monkeypatch.chdir(tmp_path)
    code, _, err = run(capsys, command, "nothing", *spelling)
    assert code == 2
    assert err.startswith("kontur: ")
    assert "No such option" not in err


@pytest.mark.parametrize("command", ["train", "export"])
def test_help_shows_the_new_spelling_alone(command):
    words = kontur(command, "--help", COLUMNS="80").split()
    assert "--output" in words
    assert "--out" not in words


COMMANDS_WITH_QUIET = (
    "segment", "degrade", "compare", "robustness", "demo", "train", "test", "export", "serve", "evaluate semantic", "evaluate panoptic",
    "evaluate instances", "evaluate contours", "evaluate superpixels", "evaluate foreground", "evaluate boundaries", "data check",
    "data convert", "data show",
)  # fmt: skip


def test_quiet_is_taken_after_every_command_that_tells_of_its_work():
    application = typer.main.get_command(build_app())
    for name in COMMANDS_WITH_QUIET:
        command = application
        for word in name.split():
            command = command.commands[word]
        assert [p.opts for p in command.params if "-q" in p.opts] == [["-q", "--quiet"]], name


def test_data_check_is_quiet_when_told_so_after_it(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(screen, "_quiet", False)
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
        Image.new("L", (8, 8)).save(tmp_path / folder / "one.png")
    arguments = ("data", "check", str(tmp_path), "--as", "folder", "--classes", "2")
    code, loud, _ = run(capsys, *arguments)
    assert code in (0, 1)
    assert loud
    assert run(capsys, *arguments, "-q")[:2] == (code, "")


@pytest.mark.parametrize(
    ("kind", "text", "value"), [(str, "7", "7"), (int, "7", 7), (Path, "there", Path("there")), (bool, True, True)]
)
def test_a_value_that_needs_no_check_gets_none(kind, text, value):
    class Parameter:
        multiple, nargs = False, 1
        get_runtime_param = None  # would be called for a check

        class type_descriptor:
            annotation = kind
            parameter_info = typer.Option()

    assert _Plain(Parameter).coerce(text, Parameter, None) == value


def test_wrong_numbers_are_told_as_ever(tmp_path, capsys):
    for text in ("x", "1.5", "\u0663", ""):
        code, _, err = run(capsys, "segment", str(tmp_path), "--jobs", text)
        assert code == 2
        assert "Invalid value for '--jobs'" in err
