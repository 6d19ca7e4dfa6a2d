"""One ONNX file, opened: what it says of itself, checked, and its network, run by ONNX Runtime.

    image (1, C, H, W) float32, normalised -> network -> logits (1, K, H, W) float32

The metadata are texts: `network`, `classes` (JSON list of names), `channels`, `least` (JSON [H, W]); and, where they are
given, `mean` and `std` (JSON lists, for pixels in [0, 1]; absent: pixels go in as they are), `multiple` (height and width
are padded to a multiple of it), `task`, `taxonomy` (JSON), `name`, `notice` (a sentence on the data's terms).

A network of task "boundary" has one logit a pixel, K = 1, and may have `calibration` (JSON [a, b]: the probability of a
boundary is sigmoid(a * logit + b)) and `level` (JSON number in [0, 1]: where its hierarchy of regions is cut by default).

A network of task "instance" has one category and the four outputs of `offsets`, and may have `decoding` (JSON, see
`offsets.Decoding`) and `stretch` (JSON [low, high]: percentiles of an image's values that become black and white first).

A network of task "panoptic" has three outputs more than categories, see `panoptic_deeplab`.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError, KonturError, OptionError, UnreadableFile
from ..core.method import BasePredictor
from ..core.taxonomy import Taxonomy
from ..io.taxonomy import taxonomy_of

if TYPE_CHECKING:
    from .offsets import Decoding

T = TypeVar("T")

DEVICES = ("auto", "cpu", "cuda")
TASKS = ("semantic", "boundary", "instance", "panoptic")
OF_OBJECTS = 4
"""Outputs of a network of task instance."""
_MOST_KEPT = 4
_EXPECTED = "expected one input `image` (B, C, H, W) and one output `logits` (B, K, H, W), both float32"


@dataclass(frozen=True)
class Metadata:
    """What a network file says of itself.

    taxonomy: its categories in the order of the K logits. channels: C. least: the smallest (H, W) it takes. multiple: H
    and W must be multiples of it. mean, std: one number a channel, for pixels in [0, 1]. fixed: the only (H, W) it takes,
    or None. notice: one sentence about the terms of the data it learnt from, or "". task: one of TASKS.
    calibration: (a, b), level: of a boundary network, decoding, stretch: of one of objects, see above; None of others.
    """

    name: str
    network: str
    taxonomy: Taxonomy
    channels: int
    least: tuple[int, int] = (1, 1)
    multiple: int = 1
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    fixed: tuple[int, int] | None = None
    notice: str = ""
    task: str = "semantic"
    calibration: tuple[float, float] = (1.0, 0.0)
    level: float = 0.5
    decoding: Decoding | None = None
    stretch: tuple[float, float] | None = None

    @property
    def outputs(self) -> int:
        """K: one for each category, but for objects; three more for things and stuff."""
        return OF_OBJECTS if self.task == "instance" else len(self.taxonomy) + 3 * (self.task == "panoptic")

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(category.name for category in self.taxonomy)


class NetworkFile:
    """An open network. `logits` may be called from several threads.

    path: the .onnx file. device: auto (CUDA where ONNX Runtime has it), cpu or cuda. threads: of one run; 0 for all cores.

    Raises UnreadableFile for a file that is missing, damaged or no ONNX; InputError for a network of another form or
    without its metadata; OptionError for a device that is not there.
    """

    def __init__(self, path: str | Path, *, device: str = "auto", threads: int = 0) -> None:
        self.path = Path(path)
        self._session = open_session(self.path, device, threads)
        channels, classes, fixed = self._form()
        self.metadata = _metadata(
            self.path, self._session.get_modelmeta().custom_metadata_map, channels, classes, fixed
        )

    @property
    def device(self) -> str:
        """Where it runs: cpu or cuda."""
        return "cuda" if "CUDAExecutionProvider" in self._session.get_providers() else "cpu"

    def logits(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """(C, H, W), normalised, of a size the network takes -> (K, H, W), a fresh array."""
        try:
            (output,) = self._session.run(["logits"], {"image": np.ascontiguousarray(image[None], np.float32)})
        except KonturError:
            raise
        except Exception as error:  # ONNX Runtime's types are not public
            if "alloc" in str(error).lower():
                raise MemoryError from None
            raise InputError(
                f"{self.path}: the network does not run on an image of {image.shape[1]}x{image.shape[2]} pixels (H x W): "
                f"{one_line(error)}"
            ) from None
        wanted = (self.metadata.outputs, *image.shape[1:])
        if output.shape[1:] != wanted:
            raise InputError(
                f"{self.path}: expected logits {wanted} (K, H, W), at the image's own size, got {output.shape[1:]}"
            )
        return output[0]

    def _form(self) -> tuple[int | None, int | None, tuple[int, int] | None]:
        """Channels, classes and size as far as the graph fixes them. Raises InputError for another form."""
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        fitting = (
            [i.name for i in inputs] == ["image"]
            and [o.name for o in outputs] == ["logits"]
            and all(v.type == "tensor(float)" and len(v.shape) == 4 for v in (*inputs, *outputs))
        )
        if not fitting:
            found = "; ".join(
                f"{what} " + (", ".join(f"`{v.name}` {_shape_text(v.shape)} {v.type}" for v in values) or "none")
                for what, values in (("inputs", inputs), ("outputs", outputs))
            )
            raise InputError(f"{self.path}: {_EXPECTED}, got {found}")
        sizes = [n if isinstance(n, int) else None for n in inputs[0].shape]
        classes = outputs[0].shape[1]
        if isinstance(sizes[0], int) and sizes[0] != 1:
            raise InputError(
                f"{self.path}: expected a free batch or one of 1, got {sizes[0]}. Export it with a free batch"
            )
        fixed = None if sizes[2] is None or sizes[3] is None else (sizes[2], sizes[3])
        return sizes[1], classes if isinstance(classes, int) else None, fixed


def open_network(path: str | Path, *, device: str = "auto", threads: int = 0) -> NetworkFile:
    """`NetworkFile`, kept open."""
    return kept_open(NetworkFile, path, device, threads)


class FilePredictor(BasePredictor):
    """A predictor of a network in a file, `network`."""

    network: Any

    @property
    def metadata(self) -> Metadata:
        metadata: Metadata = self.network.metadata
        return metadata

    @property
    def notice(self) -> str:
        return self.metadata.notice


_kept: dict[tuple[Any, ...], Any] = {}
_lock = threading.Lock()


def kept_open(form: Callable[..., T], path: str | Path, device: str, threads: int) -> T:
    """form(path, ..), of which the last few are kept open: a second call for an unchanged file costs nothing."""
    path = Path(path)
    try:
        state = path.stat()
        key = (form, path.resolve(), state.st_mtime_ns, state.st_size, device, threads)
    except OSError:
        return form(path, device=device, threads=threads)  # says what is wrong with it
    with _lock:
        network = _kept.pop(key, None) or form(path, device=device, threads=threads)
        _kept[key] = network
        while len(_kept) > _MOST_KEPT:
            del _kept[next(iter(_kept))]
        return network


def open_session(path: Path, device: str, threads: int) -> Any:
    """An ONNX Runtime session. Raises UnreadableFile for a file that is no whole network, OptionError for the device."""
    import onnxruntime

    if device not in DEVICES:
        raise OptionError(f"option device: expected {', '.join(DEVICES[:-1])} or {DEVICES[-1]}, got {device!r}")
    if isinstance(threads, bool) or not isinstance(threads, int) or threads < 0:
        raise OptionError(f"option threads: expected a whole number, at least 0 (all cores), got {threads!r}")
    has_cuda = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    if device == "cuda" and not has_cuda:
        raise OptionError(
            "option device: cuda was asked for, but this ONNX Runtime has no CUDA. Use device=cpu, or install "
            "onnxruntime-gpu in place of onnxruntime"
        )
    _check_file(path)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what goes wrong is told once, by our own error
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.intra_op_num_threads = threads
    providers = ["CPUExecutionProvider"]
    if has_cuda and device != "cpu":
        providers.insert(0, "CUDAExecutionProvider")
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # ONNX Runtime's types are not public
        raise UnreadableFile(
            f"{path}: expected a whole ONNX network, got a damaged or cut off file, or none: {one_line(error)}"
        ) from None
    if device == "cuda" and "CUDAExecutionProvider" not in session.get_providers():
        raise OptionError(
            "option device: cuda was asked for, but ONNX Runtime could not start it (no GPU, or its driver or libraries "
            "are missing). Use device=cpu"
        )
    return session


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise UnreadableFile(f"{path}: expected an .onnx file, got a folder")
    if not path.exists():
        raise UnreadableFile(f"{path}: no such file")
    try:
        with path.open("rb") as file:
            if not file.read(1):
                raise UnreadableFile(f"{path}: expected an ONNX network, got an empty file (0 bytes)")
    except OSError as error:
        raise UnreadableFile(f"{path}: cannot be read: {error.strerror or error}") from None


# --- metadata ---------------------------------------------------------------------------------------------------------


def _metadata(
    path: Path, texts: Mapping[str, str], channels: int | None, classes: int | None, fixed: tuple[int, int] | None
) -> Metadata:
    def bad(key: str, expected: str) -> InputError:
        got = f"{texts[key]!r:.80}" if key in texts else "none"
        return InputError(
            f"{path}: metadata `{key}`: expected {expected}, got {got}. Export it again with `kontur export`"
        )

    def parsed(key: str, default: Any) -> Any:
        try:
            return json.loads(texts[key]) if key in texts else default
        except ValueError:
            raise bad(key, "JSON") from None

    task = texts.get("task", "semantic")
    if task not in TASKS:
        raise bad("task", " or ".join(TASKS))
    count = parsed("channels", channels)
    if not _whole(count, 1) or (channels is not None and count != channels):
        raise bad("channels", f"{channels}, as the input has" if channels is not None else "a whole number")
    least, multiple = parsed("least", [1, 1]), parsed("multiple", 1)
    if not (isinstance(least, list) and len(least) == 2 and all(_whole(n, 1) for n in least)):
        raise bad("least", "[H, W]")
    if not _whole(multiple, 1):
        raise bad("multiple", "a whole number, at least 1")
    numbers = {}
    for key, default in (("mean", 0.0), ("std", 1.0)):
        values = parsed(key, [default] * count)
        good = isinstance(values, list) and len(values) == count
        if not (good and all(_finite(v) and (v > 0 or key == "mean") for v in values)):
            raise bad(key, f"a list of {count} numbers, one a channel")
        numbers[key] = tuple(float(v) for v in values)
    taxonomy = _taxonomy(parsed("taxonomy", None), parsed("classes", None), bad)
    several = task in ("semantic", "panoptic")
    if classes is not None and task == "panoptic":
        classes -= 3  # the maps of centres and offsets
    fitting = len(taxonomy) > 1 if several else len(taxonomy) == 1
    if not fitting or (task != "instance" and classes is not None and len(taxonomy) != classes):
        number = f"1, as task {task} asks for," if not several else classes or "2 or more"
        raise bad("taxonomy" if "taxonomy" in texts else "classes", f"{number} categories, as the output has")
    if task == "instance" and classes not in (None, OF_OBJECTS):
        raise InputError(f"{path}: expected {OF_OBJECTS} outputs a pixel, as task instance asks for, got {classes}")
    return Metadata(
        name=texts.get("name") or path.stem,
        network=texts.get("network", ""),
        taxonomy=taxonomy,
        channels=count,
        least=(least[0], least[1]),
        multiple=multiple,
        mean=numbers["mean"],
        std=numbers["std"],
        fixed=fixed,
        notice=" ".join(texts.get("notice", "").split()),
        task=task,
        **_of_its_task(task, parsed, bad),
    )


def _of_its_task(task: str, parsed: Callable[[str, Any], Any], bad: Callable[[str, str], InputError]) -> dict[str, Any]:
    """What only networks of boundaries or of objects have: calibration, level, decoding, stretch."""
    calibration, level = parsed("calibration", [1.0, 0.0]), parsed("level", 0.5)
    if not (_two_numbers(calibration) and calibration[0] > 0):
        raise bad("calibration", "[a, b], two numbers, a above 0")
    if not (_finite(level) and 0 <= level <= 1):
        raise bad("level", "a number in 0..1")
    stretch = parsed("stretch", None)
    if stretch is not None and not (_two_numbers(stretch) and 0 <= stretch[0] < stretch[1] <= 100):
        raise bad("stretch", "[low, high], two rising numbers in 0..100")
    given, decoding = parsed("decoding", None), None
    if given is not None or task == "instance":
        from .offsets import Decoding

        try:
            decoding = Decoding.of({} if given is None else given)
        except (OptionError, TypeError, ValueError) as error:
            raise bad("decoding", f"its options [{one_line(error)}]") from None
    return {
        "calibration": (float(calibration[0]), float(calibration[1])),
        "level": float(level),
        "decoding": decoding,
        "stretch": None if stretch is None else (float(stretch[0]), float(stretch[1])),
    }


def _two_numbers(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_finite, value))


def _taxonomy(full: Any, classes: Any, bad: Any) -> Taxonomy:
    """The taxonomy itself; else one made of the class names, or of their number."""
    if full is not None:
        try:
            return taxonomy_of({"ignore": None, **full}, "taxonomy")
        except (TypeError, InputError) as error:
            raise bad(
                "taxonomy", f"name, ignore and categories (id, name, colour, thing) [{one_line(error)}]"
            ) from None
    if isinstance(classes, list) and all(isinstance(name, str) for name in classes):
        return Taxonomy.from_names(classes, ignore=None if len(classes) > 255 else 255)
    if _whole(classes, 1):
        return Taxonomy.from_names([f"class {i}" for i in range(classes)], ignore=None if classes > 255 else 255)
    raise bad("classes", "a JSON list of names")


def _whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))


def _shape_text(shape: Any) -> str:
    return "(" + ", ".join(str(n) for n in shape) + ")"


def one_line(error: Exception) -> str:
    text = re.sub(r"\[ONNXRuntimeError\] : \d+ : (\w+) : ", "", " ".join(str(error).split()))
    return text[:160] or type(error).__name__
