"""`kontur test`: what it takes to score a run, or an exported file, on a data set."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..core.errors import OptionError
from ..datasets.spec import open_spec
from ..inference.models import Model
from .run import load_run
from .samples import Samples
from .scoring import Predict, evaluate
from .semantic import Indexed, scored
from .tasks import Scored, task_of


@dataclass(frozen=True)
class TestResult:
    """Scores, and under which conditions they were measured."""

    scores: Scored
    data: str
    images: int
    model: str
    seconds: float
    conditions: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "data": self.data,
            "images": self.images,
            "seconds": round(self.seconds, 2),
            **self.conditions,
            **self.scores.facts,
        }


def test_run(
    path: Path,
    split: str | None = None,
    data: str | None = None,
    *,
    which: str = "best",
    flips: bool = False,
    scales: Sequence[float] = (1.0,),
    threads: int | None = None,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> TestResult:
    """Score a run by PyTorch. data: NAME:ROOT:SPLIT in place of the run's own; split: of the run's own, as `LoadedRun.samples` takes it."""
    if threads:
        torch.set_num_threads(threads)
    run = load_run(path, which)
    if run.recipe.task == "instance" and (flips or tuple(scales) != (1.0,)):
        raise OptionError(
            f"{path}: expected no --flips and no --scales, as ways to a centre turn with the image. Export the run, whose file takes --flips"
        )
    task = task_of(run.recipe)
    samples = run.samples(split) if data is None else task.samples([open_spec(data)], run.taxonomy)
    predictor = run.predictor(flips=flips, scales=scales, channels_last=True)
    conditions = {
        "engine": f"PyTorch {torch.__version__}",
        "checkpoint": run.which,
        "step": run.facts["step"],
        "flips": flips,
        "scales": list(scales),
    }
    if data is None and run.holds_out(split):
        conditions["holdout"] = run.recipe.data.holdout
    clock = _Clock(predictor)
    scores = task.evaluate(clock, samples, _counted(samples, advance))  # type: ignore[arg-type]
    return _result(scores, samples, str(path), clock.seconds, conditions)


def test_file(
    path: Path,
    data: str | None,
    *,
    flips: bool = False,
    scales: Sequence[float] = (1.0,),
    threads: int | None = None,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> TestResult:
    """Score an ONNX file by ONNX Runtime."""
    import onnxruntime

    from ..inference import Predictor, open_network

    if data is None:
        raise OptionError(f"{path}: say on which data with --data NAME:ROOT:SPLIT, such as camvid:data/camvid:test")
    model = Model(path.stem, path)
    if model.task == "boundary":
        raise OptionError(
            f"{path}: expected a network of classes or objects, got one of outlines. Score its run with `kontur test RUN`, or its "
            "maps with `kontur segment --write boundaries` and `kontur evaluate contours TRUTH MAPS`"
        )
    if model.task in ("detection", "panoptic", "panoptic_fpn"):
        return _test_method(model, data, flips, scales, threads, advance)
    if open_network(path, threads=threads or 0).metadata.task == "instance":
        return _test_objects(path, data, flips, scales, threads, advance)
    predictor = Predictor(path, flips=flips, scales=tuple(scales), threads=threads or 0)
    samples = Indexed([open_spec(data)], predictor.metadata.taxonomy)
    conditions = {
        "engine": f"ONNX Runtime {onnxruntime.__version__}",
        "flips": flips,
        "scales": list(scales),
    }

    def predict(image: Any) -> NDArray[np.integer]:
        return predictor(image).ids - 1  # segment k + 1 is the k-th category

    clock = _Clock(predict)
    found = evaluate(clock, samples, advance=_counted(samples, advance))
    return _result(scored(found, [c.name for c in samples.taxonomy]), samples, str(path), clock.seconds, conditions)


def _test_method(
    model: Model,
    data: str,
    flips: bool,
    scales: Sequence[float],
    threads: int | None,
    advance: Callable[[int, int], None],
) -> TestResult:
    """The same of a network whose file is run as a method: Mask R-CNN, Panoptic-DeepLab, Panoptic FPN, by their default options."""
    import onnxruntime

    from ..inference.models import predictor_of
    from .detection import Detection
    from .panoptic import Panoptic

    if flips or tuple(scales) != (1.0,):
        raise OptionError(f"{model.path}: expected no --flips and no --scales, as the network has no map to average")
    predictor = predictor_of(model, {"threads": threads or 0} | ({"score": 0.0} if model.task == "detection" else {}))
    task = (Detection if model.task == "detection" else Panoptic)(lambda predict, image, _: predict(image))
    samples = task.samples([open_spec(data)], predictor.metadata.taxonomy)
    clock = _Clock(predictor)  # type: ignore[arg-type]
    scores = task.evaluate(clock, samples, _counted(samples, advance))  # type: ignore[arg-type]
    return _result(
        scores, samples, str(model.path), clock.seconds, {"engine": f"ONNX Runtime {onnxruntime.__version__}"}
    )


def _test_objects(
    path: Path,
    data: str,
    flips: bool,
    scales: Sequence[float],
    threads: int | None,
    advance: Callable[[int, int], None],
) -> TestResult:
    """The same of a network of objects, with the decoding that its file asks for."""
    import onnxruntime

    from ..inference import open_network
    from ..inference.objects import ObjectPredictor
    from .instance import Instance

    if tuple(scales) != (1.0,):
        raise OptionError(f"{path}: expected no --scales, as objects are found at one scale, got {list(scales)}")
    predictor = ObjectPredictor(open_network(path, threads=threads or 0), flips=flips)
    task = Instance(predictor.decoding)
    samples = task.samples([open_spec(data)], predictor.metadata.taxonomy)
    clock = _Clock(predictor)  # type: ignore[arg-type]
    scores = task.evaluate(clock, samples, _counted(samples, advance))  # type: ignore[arg-type]
    conditions = {"engine": f"ONNX Runtime {onnxruntime.__version__}", "flips": flips}
    return _result(scores, samples, str(path), clock.seconds, conditions)


class _Clock:
    """A predictor, whichever of its calls are used, and the seconds spent in them."""

    def __init__(self, predictor: Predict) -> None:
        self._predictor, self.seconds = predictor, 0.0

    def __call__(self, image: Any) -> Any:
        return self._timed(self._predictor, image)

    def __getattr__(self, name: str) -> Callable[[Any], Any]:
        if name.startswith("_"):  # copy and pickle ask for these before there is a predictor
            raise AttributeError(name)
        return lambda image: self._timed(getattr(self._predictor, name), image)

    def _timed(self, call: Callable[[Any], Any], image: Any) -> Any:
        began = time.perf_counter()
        result = call(image)
        self.seconds += time.perf_counter() - began
        return result


def _counted(samples: Samples, advance: Callable[[int, int], None]) -> Callable[[], None]:
    done = itertools.count(1)
    return lambda: advance(next(done), len(samples))


def _result(scores: Scored, samples: Samples, model: str, seconds: float, conditions: dict[str, Any]) -> TestResult:
    data = f"{samples.sets[0].name} {' + '.join(each.split for each in samples.sets)}"
    if "holdout" in conditions:
        data += f", the held-out share {conditions['holdout']:g}"
    return TestResult(scores, data, len(samples), model, seconds, conditions)
