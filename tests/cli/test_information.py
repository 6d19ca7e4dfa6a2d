"""`kontur methods`, `describe`, `doctor`, `demo`, `--version`."""

from __future__ import annotations

import json

import pytest

import kontur
from command_line import run
from kontur import registry


@pytest.fixture(autouse=True)
def loud(monkeypatch):
    from kontur.cli import screen

    monkeypatch.setattr(screen, "_quiet", False)


def test_methods_as_json_is_json_and_nothing_else(capsys):
    code, out, err = run(capsys, "methods", "--json")
    assert (code, err) == (0, "")
    rows = json.loads(out)
    assert [row["name"] for row in rows] == [row.name for row in registry.rows()]
    assert all(set(row) == {"name", "task", "prompts", "extra", "paper", "options"} for row in rows)
    slic = next(row for row in rows if row["name"] == "slic")
    assert {"name", "type", "default", "low", "high", "unit", "choices", "help"} == set(slic["options"][0])


def test_methods_are_listed_whole_without_a_terminal(capsys):
    code, out, _ = run(capsys, "methods", "--task", "superpixels")
    assert code == 0
    assert "normalized_cut_superpixels" in out
    assert "Machairas et al., IEEE TIP 24(11), 2015" in out
    assert "…" not in out
    code, _, err = run(capsys, "methods", "--task", "superpixel")
    assert code == 2
    assert "Did you mean 'superpixels'" in err


def test_describe_gives_options_ranges_paper_and_an_example(capsys):
    code, out, _ = run(capsys, "describe", "grabcut")
    assert code == 0
    assert "Rother" in out
    assert "kontur segment photo.jpg -m grabcut --box" in out
    assert "iterations" in out
    assert "uint16 is stretched" in out
    code, _, err = run(capsys, "describe", "grabcat")
    assert code == 2
    assert "Did you mean 'grabcut'" in err


def test_version_and_help(capsys):
    assert run(capsys, "--version")[1].strip() == f"kontur {kontur.__version__}"
    code, out, _ = run(capsys, "--help")
    assert code == 0
    for command in ("segment", "methods", "describe", "evaluate", "doctor", "demo"):
        assert command in out


def test_doctor_finds_a_working_core(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = run(capsys, "doctor")
    assert "numpy" in out
    assert code == 0, out


def test_doctor_names_the_cause_and_the_cure_of_a_mismatched_torch(capsys, tmp_path, monkeypatch):
    import importlib

    from kontur.cli import doctor

    def mismatch(name):
        raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: object())
    real = importlib.import_module
    monkeypatch.setattr(
        doctor.importlib, "import_module", lambda n, p=None: mismatch(n) if n == "torchvision" else real(n, p)
    )
    fault = doctor._torch_pair()
    assert "different indexes" in fault
    assert "pip install --force-reinstall torch torchvision" in fault


def test_demo_cuts_a_photo_and_says_where_the_pictures_are(capsys, tmp_path):
    code, out, err = run(capsys, "demo", "-o", tmp_path / "pictures")
    assert code == 0, err
    for name in ("otsu", "kmeans", "slic", "grabcut", "sheet"):
        path = tmp_path / "pictures" / f"coffee.{name}.png"
        assert path.stat().st_size > 10_000
        assert str(path) in out
    code, _, err = run(capsys, "demo", "-o", tmp_path / "pictures")
    assert code == 2
    assert "--force" in err


def test_doctor_reads_the_extras_from_the_metadata_of_the_package():
    """As pyproject.toml has them; a package that the core brings is not told again."""
    import tomllib
    from pathlib import Path

    from packaging.requirements import Requirement

    from kontur.cli.doctor import NOT_FOR_USERS, extras

    project = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text())["project"]
    core = {Requirement(text).name for text in project["dependencies"]}
    found = {extra: {r.name for r in requirements} for extra, requirements in extras().items()}
    assert found.pop("") == core
    declared = {e: {Requirement(t).name for t in texts} for e, texts in project["optional-dependencies"].items()}
    assert found == {e: names - core for e, names in declared.items() if e not in NOT_FOR_USERS}


def test_doctor_imports_what_it_vouches_for(capsys, tmp_path, monkeypatch):
    """A package that is installed and breaks at its import, and one that is too old, each with its cure."""
    import importlib

    from packaging.requirements import Requirement

    from kontur.cli import doctor

    monkeypatch.chdir(tmp_path)
    real = importlib.import_module

    def broken(name, package=None):
        if name == "tifffile":
            raise ValueError("numpy.dtype size changed\nmay indicate")
        return real(name, package)

    monkeypatch.setattr(doctor.importlib, "import_module", broken)
    monkeypatch.setattr(doctor, "extras", lambda: {"": [Requirement("tifffile"), Requirement("numpy>=99")]})
    code, out, _ = run(capsys, "doctor")
    assert code == 2
    assert "tifffile is installed and can't be imported (numpy.dtype size changed may indicate)" in out
    assert "expected >=99. Cure: pip install 'numpy>=99'" in out
