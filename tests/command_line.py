"""The command line, run in this process."""

from __future__ import annotations


def exit_code(*arguments: object) -> int:
    """Of `kontur ARGUMENTS`."""
    from kontur.cli import main

    try:
        main([str(a) for a in arguments])
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(bool(stop.code))
    return 0


def run(capsys, *arguments: object) -> tuple[int, str, str]:
    """(exit code, stdout, stderr) of `kontur ARGUMENTS`."""
    code = exit_code(*arguments)
    said = capsys.readouterr()
    return code, said.out, said.err
