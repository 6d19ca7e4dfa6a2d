"""`kontur test`: what it takes to score a run, or an exported file, on a data set."""

from __future__ import annotations

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
from ..metrics.confusion import SemanticScores
from .plan import Indexed
from .run import load_run
from .scoring import Predict, TorchPredictor, evaluate


@dataclass(frozen=True)
class TestResult:
    """Scores, and under which conditions they were measured."""

    scores: SemanticScores
    names: tuple[str, ...]
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
            **self.scores.to_dict(self.names),
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
    """Score a run by PyTorch. data: NAME:ROOT:SPLIT in place of the run's own; split: of the run's own, its test split by default."""
    if threads:
        torch.set_num_threads(threads)
    run = load_run(path, which)
    if data is not None:
        samples = Indexed([open_spec(data)], run.taxonomy)
    else:
        samples = run.samples(split)
    network = run.network.to(memory_format=torch.channels_last)
    predictor = TorchPredictor(
        network,
        run.recipe.augmentation.mean,
        run.recipe.augmentation.std,
        channels=run.recipe.network.channels,
        flips=flips,
        scales=scales,
    )
    conditions = {
        "engine": f"PyTorch {torch.__version__}",
        "checkpoint": run.which,
        "step": run.facts["step"],
        "flips": flips,
        "scales": list(scales),
    }
    return _measured(predictor, samples, str(path), conditions, advance)


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

    from ..inference import Predictor

    if data is None:
        raise OptionError(f"{path}: say on which data with --data NAME:ROOT:SPLIT, such as camvid:data/camvid:test")
    predictor = Predictor(path, flips=flips, scales=tuple(scales), threads=threads or 0)
    samples = Indexed([open_spec(data)], predictor.metadata.taxonomy)
    conditions = {
        "engine": f"ONNX Runtime {onnxruntime.__version__}",
        "flips": flips,
        "scales": list(scales),
    }

    def predict(image: Any) -> NDArray[np.integer]:
        return predictor(image).ids - 1  # segment k + 1 is the k-th category

    return _measured(predict, samples, str(path), conditions, advance)


def _measured(
    predict: Predict,
    samples: Indexed,
    model: str,
    conditions: dict[str, Any],
    advance: Callable[[int, int], None],
) -> TestResult:
    done = 0
    seconds = 0.0

    def timed(image: Any) -> NDArray[np.integer]:
        nonlocal seconds
        began = time.perf_counter()
        result = predict(image)
        seconds += time.perf_counter() - began
        return result

    def step() -> None:
        nonlocal done
        done += 1
        advance(done, len(samples))

    scores = evaluate(timed, samples, advance=step)
    names = tuple(c.name for c in samples.taxonomy)
    data = f"{samples.sets[0].name} {samples.sets[0].split}"
    return TestResult(scores, names, data, len(samples), model, seconds, conditions)
