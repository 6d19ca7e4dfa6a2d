"""Help at 80 columns, completion, and what is meant by what is no command and no method."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from command_line import run
from kontur.cli import COMMANDS
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
