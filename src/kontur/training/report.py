"""What a run tells while it goes on: metrics.csv, a TensorBoard log, the curves and sample pictures.

    RUN/metrics.csv              one row a report, columns in the order they first came; empty where a row has no value
    RUN/tensorboard/             the same numbers (left out without the package tensorboard)
    RUN/curves.png               loss and mIoU against the epoch, the learning rate beneath
    RUN/samples/epoch-0010.png   image | truth | prediction

metrics.csv is the source of the others: after a resume rows of steps that are run again are taken out of it, and the
TensorBoard log is written anew from what is left.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError, OutputError
from ..core.files import atomic_write
from ..io.pictures import write_picture
from .curves import draw_curves

Row = Mapping[str, float | int | str]
_FIRST = ("step", "epoch", "seconds", "learning_rate", "loss", "images_per_second")


class Report:
    """The records of one run folder, which is made if it is missing; earlier rows of metrics.csv are kept.

    A half row that a killed run left at the end is dropped. Raises InputError for a metrics.csv of another form,
    OutputError where the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.path = self.folder / "metrics.csv"
        self._columns: list[str] = []
        self._rows: list[dict[str, str]] = []
        self._board: _Board | None = None
        self._began, self._drawing = time.monotonic(), 0.0  # seconds
        if self.path.exists():
            self._read()

    @property
    def rows(self) -> tuple[dict[str, str], ...]:
        """All rows so far, as text; a value that a row does not have is ''."""
        return tuple(dict(row) for row in self._rows)

    def append(self, row: Row) -> None:
        """Add a row, on the disk when this returns. A new key becomes a new column, empty in the rows before it."""
        told = {key: _text(value) for key, value in row.items()}
        new = [key for key in (*_FIRST, *told) if key in told and key not in self._columns]
        new = list(dict.fromkeys(new))
        self._rows.append(told)
        if new:
            self._columns += new
            self._write()
        else:
            self._add_line(_lines(self._columns, [told]))
        if self._board is None:
            self._start_board(self._rows)
        else:
            self._board.add(told)

    def truncate_after(self, step: int) -> None:
        """Take out the rows of later steps; they will come again."""
        self._rows = [row for row in self._rows if float(row.get("step") or 0) <= step]
        if self.path.exists():
            self._write()
        self._start_board(self._rows)

    def curves(self, *, paced: bool = False) -> None:
        """Draw curves.png anew; nothing while there is no row with a loss or a score.

        paced: only where drawing has taken less than a fiftieth of the time so far, so that short epochs stay short.
        """
        began = time.monotonic()
        if paced and self._drawing > (began - self._began) / 50:
            return
        picture = draw_curves(self._rows)
        if picture is not None:
            write_picture(self.folder / "curves.png", picture)
        self._drawing += time.monotonic() - began

    def samples(self, epoch: int, picture: NDArray[np.uint8]) -> None:
        """Write samples/epoch-NNNN.png: (height, width, 3), a row an image, its truth and its prediction."""
        write_picture(self.folder / "samples" / f"epoch-{epoch:04d}.png", picture)

    def close(self) -> None:
        """Close the TensorBoard log. The next `append` would open another."""
        if self._board is not None:
            self._board.close()
            self._board = None

    def _read(self) -> None:
        try:
            content = self.path.read_bytes()
            text = content[: content.rfind(b"\n") + 1].decode()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{self.path}: expected the metrics of a run as CSV, cannot be read: {error}") from None
        found = list(csv.reader(io.StringIO(text)))
        if not found:
            return
        header, *rows = found
        if "step" not in header or any(len(row) != len(header) for row in rows):
            raise InputError(f"{self.path}: expected a CSV with a column step and {len(header)} values a row")
        self._columns = header
        self._rows = [{k: v for k, v in zip(header, row, strict=True) if v} for row in rows]
        if len(text) != len(content):
            self._write()

    def _write(self) -> None:
        atomic_write(self.path, _lines(self._columns, self._rows, header=True).encode())

    def _add_line(self, line: str) -> None:
        # A whole file a row would be written anew a hundred thousand times; a line cut short by a kill is dropped by `_read`.
        size = -1
        try:
            with open(self.path, "ab") as file:
                size = file.tell()
                file.write(line.encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            if size >= 0:
                with contextlib.suppress(OSError):
                    os.truncate(self.path, size)
            raise OutputError(f"{self.path}: cannot be written: {error.strerror or error}") from None

    def _start_board(self, rows: Iterable[dict[str, str]]) -> None:
        if self._board is not None:
            self._board.close()
        self._board = _Board(self.folder / "tensorboard")
        for row in rows:
            self._board.add(row)


class _Board:
    """Scalars for TensorBoard, through its own record writer; without the package nothing happens.

    A log that cannot be written ends here: the run goes on, as metrics.csv has the same numbers.
    """

    def __init__(self, folder: Path) -> None:
        self._writer: Any = None
        try:
            from tensorboard.compat.proto import event_pb2, summary_pb2
            from tensorboard.summary.writer.record_writer import RecordWriter
        except ImportError:
            return
        self._event, self._summary = event_pb2.Event, summary_pb2.Summary
        shutil.rmtree(folder, ignore_errors=True)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # One made in the same second as the last needs another name, or a running TensorBoard reads on in the old.
            name = f"events.out.tfevents.{int(time.time())}.kontur.{os.getpid()}.{time.monotonic_ns() % 10**6}"
            self._file = open(folder / name, "wb")  # noqa: SIM115
        except OSError:
            return
        self._writer = RecordWriter(self._file)
        self._put(self._event(wall_time=time.time(), file_version="brain.Event:2"))

    def add(self, row: Mapping[str, str]) -> None:
        if self._writer is None:
            return
        values = []
        for key, text in row.items():
            with contextlib.suppress(ValueError):
                if key not in ("step", "seconds"):
                    values.append(self._summary.Value(tag=_tag(key), simple_value=float(text)))
        step = int(float(row.get("step") or 0))
        self._put(self._event(wall_time=time.time(), step=step, summary=self._summary(value=values)))

    def _put(self, event: Any) -> None:
        try:
            self._writer.write(event.SerializeToString())
            self._writer.flush()
        except OSError:
            self.close()

    def close(self) -> None:
        if self._writer is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._writer = None


def _tag(column: str) -> str:
    """TensorBoard groups by what stands before the slash."""
    for prefix in ("val_", "iou_"):
        if column.startswith(prefix):
            return f"{prefix[:-1]}/{column[len(prefix) :]}"
    return f"train/{column}"


def _text(value: float | int | str) -> str:
    # repr is the shortest text that gives the same float back.
    return repr(float(value)) if isinstance(value, (float, np.floating)) else str(value)


def _lines(columns: Sequence[str], rows: Iterable[Mapping[str, str]], *, header: bool = False) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    if header:
        writer.writerow(columns)
    writer.writerows([row.get(column, "") for column in columns] for row in rows)
    return buffer.getvalue()
