"""The training loop, on Lightning Fabric: devices, precision and several processes are Fabric's, the rest can be read here.

    Recipe -> data, network, loss, optimiser -> steps (Plan) ─validation, checkpoints▶ RUN/

What a step does depends on the recipe and the step's number alone: samples and their changes are drawn from (seed, epoch, index),
rates from the step, and the state of PyTorch's generator (dropout) is kept in each checkpoint. So a run that was killed and is
resumed ends with the same bits as one that was not (CPU, same number of threads).
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch.utils.data import DataLoader

from ..core.errors import OptionError, OutputError
from . import checkpoint
from .describe import begin, check_before
from .ema import Average
from .parts import (
    adjustment,
    build_network,
    check_parts,
    class_weights,
    make_optimiser,
    resolved,
    training_loss,
    training_samples,
)
from .plan import Batches, Plan, TrainingSet
from .preflight import overfit_one_batch
from .processes import launch, make_fabric, signals
from .progress import Outcome, Progress, TrainingStopped, Watch
from .recipe import Recipe
from .report import Report
from .run import Folder
from .schedule import factor
from .scoring import TorchPredictor
from .state import State, restore, restore_random, tensors_of
from .tasks import task_of


def _nobody(progress: Progress) -> None:
    """Who watches where nobody is named; a function of the module, since other processes must be able to find it."""


def _silent(text: str) -> None:
    """Who is told what is worth knowing and stops nothing, where nobody is named."""


def fit(
    recipe: Recipe,
    folder: str | Path,
    *,
    resume: bool = False,
    self_test: bool = False,
    watch: Watch = _nobody,
    tell: Callable[[str], None] = _silent,
) -> Outcome:
    """Train by a recipe into a run folder, or go on with the run in it.

    self_test: first show that one batch can be over-fitted. tell: is given a line for each remark before step 0. The folder is made when all that can be checked before the first
    step has been. Raises OutputError for a folder that holds a run already (unless resume), OptionError for devices that are
    not there and options that do not fit, UnknownName for a network, a loss or an option of it, InputError for data that do not
    fit, TrainingStopped.
    """
    run = recipe.run
    place = Folder(Path(folder))
    # A kill before the first file was whole leaves nothing but hidden temporary files.
    if not resume and place.path.is_dir() and any(not p.name.startswith(".") for p in place.path.iterdir()):
        raise OutputError(
            f"{folder}: exists already and is not empty. Go on with --resume, or choose another folder with -o"
        )
    if run.threads:
        torch.set_num_threads(run.threads)
    fabric = make_fabric(recipe)
    if fabric.world_size > 1:
        # A partial hides its arguments from Fabric, which would look for modules in them.
        launch(
            fabric,
            partial(_train, recipe=recipe, place=place, resume=resume, self_test=self_test, watch=watch, tell=tell),
        )
        return Outcome(place.path, **json.loads(place.facts.read_text())["outcome"])
    fabric.launch()
    return _train(fabric, recipe, place, resume, self_test, watch, tell)


def _train(
    fabric: Fabric,
    recipe: Recipe,
    place: Folder,
    resume: bool,
    self_test: bool,
    watch: Watch,
    tell: Callable[[str], None],
) -> Outcome:
    training = Training(fabric, recipe, place, resume, tell)
    if self_test:
        training.self_test()
    return training.run(watch)


class Training:
    """A run in one process: what the recipe asks for, made, and the state that a checkpoint keeps.

    `step` is one step of the optimiser, `validate` the scores of the validation samples, `save` a checkpoint, `run` all of them
    in their order. Making one tries all that can fail before step 0 and makes the run folder last.
    """

    def __init__(
        self, fabric: Fabric, recipe: Recipe, place: Folder, resume: bool, tell: Callable[[str], None]
    ) -> None:
        self.fabric, self.place, self.leads = fabric, place, fabric.is_global_zero
        self.recipe = recipe = resolved(recipe, tell if self.leads else _silent)
        self.train, self.val = training_samples(recipe)
        check_parts(recipe, self.train)
        self.plan, self.task = Plan(recipe, len(self.train), fabric.world_size), task_of(recipe)
        facts: dict[str, Any] = {}
        if self.leads:
            facts = check_before(recipe, place, self.train, self.val, resume, fabric, tell)
        fabric.barrier()
        torch.manual_seed(recipe.seed)
        table, run, classes = recipe.network, recipe.run, len(self.train.taxonomy)
        self.kept = checkpoint.read_last(place.checkpoints) if resume else None
        network = build_network(table, classes, pretrained=self.kept is None)
        if table.start and self.kept is None:
            facts["start"] = checkpoint.begin_with(network, Path(table.start) / "checkpoints" / "best.json")
        weights = class_weights(recipe.loss, self.train)
        self.loss = training_loss(recipe.loss, self.train, weights)
        self.optimiser = make_optimiser(recipe.optimiser, network)
        self.average = Average(network, run.ema) if run.ema else None
        self.state = State()
        if self.kept is not None:
            self.state = restore(self.kept, network, self.optimiser, self.average, str(place.path))
        shadow = network if self.average is None else build_network(table, classes)
        if run.channels_last:
            network.to(memory_format=torch.channels_last)
            shadow.to(memory_format=torch.channels_last)
        moved = adjustment(recipe.loss, weights)
        if moved:
            facts["adjustment"] = moved
            for each in (network, shadow):
                each.adjust(moved)
        if self.leads and not place.facts.is_file():
            begin(recipe, place, facts)
        fabric.barrier()
        self.network, self.shadow = network, shadow
        self.model, self.wrapped = fabric.setup(network, self.optimiser)
        shadow.to(fabric.device)
        if self.average is not None:
            self.average.state = {key: value.to(fabric.device) for key, value in self.average.state.items()}
        self.model.train()

    def self_test(self) -> None:
        """Show that one batch can be over-fitted. Raises InputError where it can't, OptionError where the network has its own loss."""
        if self.train.collate is not None:
            raise OptionError(
                "--self-test: expected a network with one output, got one that computes its losses itself. Leave it out"
            )
        if self.kept is None:
            samples = TrainingSet(self.train, self.recipe)
            overfit_one_batch(self.network, self.loss, samples, self.plan.keys(0), self.train.unknown)

    def run(self, watch: Watch) -> Outcome:
        """All steps that are still to be done, with their validations and checkpoints, until the end or a signal."""
        recipe, plan, state = self.recipe, self.plan, self.state
        report = Report(self.place.path) if self.leads else None
        if report is not None:
            report.truncate_after(state.step)
        self._begin_batches()
        clock = _Clock(state.seconds)
        patience = recipe.validation.patience
        early = self._together(bool(patience and state.stale >= patience))
        with signals() as stopping:
            while state.step < plan.steps and not early and not self._together(stopping.is_set()):
                step = state.step
                state.losses.append(self.step(step))
                state.step += 1
                recent = state.losses[-20:]
                state.seconds = clock.count(plan.batch(step))
                speed, ends, due = clock.speed, plan.ends_epoch(step), self._validation_due(step)
                if ends:
                    if report is not None:
                        self._report(report, step, speed, due)
                    clock.lap()
                    state.losses.clear()
                    early = self._together(bool(patience and state.stale >= patience))
                late = clock.since_save > 60 * recipe.run.checkpoint_minutes
                if self._together(due or (ends and clock.since_save > 30) or late):
                    self.save()
                    clock.saved()
                if self.leads and clock.tells(ends):
                    watch(self._progress(step, sum(recent) / len(recent), speed, due))
            self.save()
        if report is not None:
            report.curves()
            report.close()
        outcome = Outcome(
            self.place.path, state.step, state.best, early or state.step == plan.steps, early, state.seconds
        )
        if self.leads:
            self.place.note(outcome={k: v for k, v in vars(outcome).items() if k != "folder"})
        return outcome

    def step(self, step: int) -> float:
        """One step of the optimiser; the mean loss of its batches. The weights are not touched where the loss is not finite."""
        rate = factor(self.recipe.schedule, step, self.plan.steps)
        for group in self.optimiser.param_groups:
            group["lr"] = group["base_rate"] * rate
        accumulate, clip = self.recipe.optimiser.accumulate, self.recipe.optimiser.clip
        device = self.fabric.device
        total = 0.0
        self.wrapped.zero_grad(set_to_none=True)
        for number in range(accumulate):
            images, targets, keys = next(self.batches)
            images = images.to(device, non_blocking=True)
            if self.recipe.run.channels_last:
                images = images.contiguous(memory_format=torch.channels_last)
            with self.fabric.no_backward_sync(self.model, enabled=number < accumulate - 1):
                value = self.loss(self.model(images), targets.to(device, non_blocking=True))
                self.fabric.backward(value / accumulate)
            total += float(value.detach()) / accumulate
            if not math.isfinite(total):
                raise self._stopped(total, step, [int(index) for _, _, index in keys.tolist()])
        if clip:
            self.fabric.clip_gradients(self.model, self.wrapped, max_norm=clip, error_if_nonfinite=False)
        self.wrapped.step()
        if self.average is not None:
            self.average.update(self.network)
        return total

    def validate(self, epoch: int, report: Report) -> dict[str, float]:
        """The scores of the validation samples, as a row of metrics.csv; the best weights so far are kept."""
        state = self.state
        if self.average is not None:
            self.shadow.load_state_dict(self.average.state)
        predictor = TorchPredictor(
            self.shadow,
            self.recipe.augmentation.mean,
            self.recipe.augmentation.std,
            channels=self.recipe.network.channels,
            channels_last=self.recipe.run.channels_last,
        )
        scores = self.task.evaluate(predictor, self.val)
        state.score = scores.score
        if not math.isnan(scores.score) and (state.best is None or scores.score > state.best):
            state.best, state.best_step, state.stale = scores.score, state.step, 0
            tensors = checkpoint.network_tensors(predictor.network.state_dict(), "network.")
            checkpoint.write_best(self.place.checkpoints, state.step, checkpoint.Checkpoint(tensors, self._facts()))
        else:
            state.stale += 1
        shown = min(self.recipe.validation.samples, len(self.val))
        if shown:
            chosen = [round(i * (len(self.val) - 1) / max(1, shown - 1)) for i in range(shown)]
            report.samples(epoch, self.task.picture(predictor, self.val, chosen))
        return scores.row

    def save(self) -> None:
        """A checkpoint to go on from, by the first process, with the random states of all."""
        random = torch.get_rng_state()
        randoms: list[Any] = [random] * self.fabric.world_size
        if self.fabric.world_size > 1:
            torch.distributed.all_gather_object(randoms, random)
        if self.leads:
            tensors = tensors_of(self.network, self.optimiser, self.average, randoms)
            checkpoint.write(self.place.checkpoints, self.state.step, checkpoint.Checkpoint(tensors, self._facts()))
        self.fabric.barrier()

    # --- the parts of a run -----------------------------------------------------------------------------------------

    def _begin_batches(self) -> None:
        recipe, rank = self.recipe, self.fabric.global_rank
        # Its own generator, as a loader draws a seed when it starts, which must not depend on where a run was resumed.
        loader = DataLoader(
            TrainingSet(self.train, recipe),
            batch_sampler=Batches(self.plan, self.state.step, rank),
            num_workers=recipe.run.workers,
            collate_fn=self.train.collate,
            generator=torch.Generator(),
            pin_memory=self.fabric.device.type == "cuda",
        )
        self.batches = iter(loader)
        if self.kept is None:
            torch.manual_seed(recipe.seed + rank)
        else:
            restore_random(self.kept, rank)

    def _together(self, flag: bool) -> bool:
        """What the first process decides, as clocks and signals differ: all of them save, validate and stop at the same step."""
        return flag if self.fabric.world_size == 1 else bool(self.fabric.broadcast(flag))

    def _validation_due(self, step: int) -> bool:
        """Whether there is a validation after this step."""
        table, epoch = self.recipe.validation, self.plan.epoch(step) + 1
        due = self.plan.ends_epoch(step) and epoch > table.from_epoch and epoch % table.every == 0
        return len(self.val) > 0 and (due or step + 1 == self.plan.steps)

    def _report(self, report: Report, step: int, speed: float, due: bool) -> None:
        """The row of an epoch, with its validation where one is due, and the curves."""
        state, epoch = self.state, self.plan.epoch(step) + 1
        row: dict[str, Any] = {
            "step": state.step,
            "epoch": epoch,
            "seconds": round(state.seconds, 1),
            "learning_rate": self.recipe.optimiser.rate * factor(self.recipe.schedule, step, self.plan.steps),
            "loss": sum(state.losses) / len(state.losses),
            "images_per_second": round(speed, 2),
        }
        report.append(row | self.validate(epoch, report) if due else row)
        report.curves(paced=state.step < self.plan.steps)

    def _progress(self, step: int, loss: float, speed: float, validated: bool) -> Progress:
        plan, state = self.plan, self.state
        left = (plan.steps - state.step) * plan.batch(step) / max(speed, 1e-9)
        return Progress(
            state.step,
            plan.steps,
            plan.epoch(step) + 1,
            plan.epochs,
            loss,
            speed,
            left,
            state.score,
            state.best,
            validated,
            self.task.measure,
        )

    def _facts(self) -> dict[str, Any]:
        return {
            "step": self.state.step,
            "epoch": self.plan.epoch(max(0, self.state.step - 1)) + 1,
            "score": self.state.score,
            "network": self.recipe.network.name,
            "taxonomy": self.train.taxonomy.to_dict(),
            "state": self.state.facts(),
        }

    def _stopped(self, loss: float, step: int, indices: list[int]) -> TrainingStopped:
        files = ", ".join(map(self.train.name, indices))
        last = sorted(self.place.checkpoints.glob("step-*.json"))
        good = last[-1].with_suffix(".safetensors") if last else "none yet"
        return TrainingStopped(
            f"the loss is {loss} at step {step}; the files of the batch: {files}; the last good checkpoint: {good}. "
            "Lower optimiser.rate or set optimiser.clip, and look at these files"
        )


class _Clock:
    """What has been worked through, and since when: the speed, the last checkpoint, the last word to whoever watches."""

    def __init__(self, before: float) -> None:
        self._before, self._began = before, time.perf_counter()
        self._saved, self._told = self._began, 0.0
        self.lap()

    def lap(self) -> None:
        """Begin a new measure of the speed."""
        self._images, self._since = 0, time.perf_counter()
        self.speed = 0.0

    def count(self, images: int) -> float:
        """A step is done; the seconds of the whole run so far."""
        now = time.perf_counter()
        self._images += images
        self.speed = self._images / max(now - self._since, 1e-9)
        return self._before + now - self._began

    @property
    def since_save(self) -> float:
        return time.perf_counter() - self._saved

    def saved(self) -> None:
        self._saved = time.perf_counter()

    def tells(self, now: bool) -> bool:
        """Whether it is time for a word: now, or a second after the last."""
        if not now and time.perf_counter() - self._told <= 1:
            return False
        self._told = time.perf_counter()
        return True
