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
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.utils.data import DataLoader

from ..core.errors import OptionError, OutputError
from ..networks import build
from . import checkpoint
from .describe import describe
from .ema import Average
from .parts import adjustment, class_weights, make_optimiser, training_loss, training_samples
from .plan import Batches, Plan, TrainingSet
from .preflight import overfit_one_batch
from .processes import launch, make_fabric, signals
from .progress import Outcome, Progress, TrainingStopped, Watch
from .recipe import Recipe
from .report import Report
from .run import Folder
from .samples import Samples
from .schedule import factor
from .scoring import TorchPredictor
from .state import State, restore, restore_random, tensors_of
from .tasks import task_of


def _nobody(progress: Progress) -> None:
    """Who watches where nobody is named; a function of the module, since other processes must be able to find it."""


def fit(
    recipe: Recipe,
    folder: str | Path,
    *,
    resume: bool = False,
    self_test: bool = False,
    watch: Watch = _nobody,
) -> Outcome:
    """Train by a recipe into a run folder, or go on with the run in it.

    self_test: first show that one batch can be over-fitted. Raises OutputError for a folder that holds a run already (unless
    resume), OptionError for devices that are not there, InputError for data that do not fit, TrainingStopped.
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
        launch(fabric, partial(_train, recipe=recipe, place=place, resume=resume, self_test=self_test, watch=watch))
        return _outcome_of(place)
    fabric.launch()
    return _train(fabric, recipe, place, resume, self_test, watch)


def _outcome_of(place: Folder) -> Outcome:
    facts = json.loads(place.facts.read_text())
    return Outcome(place.path, **facts["outcome"])


def _train(fabric: Fabric, recipe: Recipe, place: Folder, resume: bool, self_test: bool, watch: Watch) -> Outcome:
    train, val = training_samples(recipe)
    names = [c.name for c in train.taxonomy]
    plan, task = Plan(recipe, len(train), fabric.world_size), task_of(recipe)
    if fabric.is_global_zero:
        describe(recipe, place, train, val, resume, fabric)
    fabric.barrier()
    torch.manual_seed(recipe.seed)
    table = recipe.network
    kept = checkpoint.read_last(place.checkpoints) if resume else None
    pretrained = {"pretrained": True} if table.pretrained and kept is None else {}
    network = build(table.name, len(names), table.channels, **table.options, **pretrained)
    if table.start and kept is None:
        begun = checkpoint.begin_with(network, Path(table.start) / "checkpoints" / "best.json")
        if fabric.is_global_zero:
            place.note(start=begun)
    if recipe.run.channels_last:
        network.to(memory_format=torch.channels_last)
    weights = class_weights(recipe.loss, train)
    loss = training_loss(recipe.loss, train, weights)
    optimiser = make_optimiser(recipe.optimiser, network)
    average = Average(network, recipe.run.ema) if recipe.run.ema else None
    state = State() if kept is None else restore(kept, network, optimiser, average, str(place.path))
    shadow = network if average is None else build(table.name, len(names), table.channels, **table.options)
    if recipe.run.channels_last:
        shadow.to(memory_format=torch.channels_last)
    model, wrapped = fabric.setup(network, optimiser)
    device = fabric.device
    shadow.to(device)
    moved = adjustment(recipe.loss, weights)
    if moved:
        for each in (network, shadow):
            each.adjust(moved)
        if fabric.is_global_zero:
            place.note(adjustment=moved)
    if average is not None:
        average.state = {key: value.to(device) for key, value in average.state.items()}
    model.train()
    report = Report(place.path) if fabric.is_global_zero else None
    if report is not None:
        report.truncate_after(state.step)
    if self_test and train.collate is not None:
        raise OptionError(
            "--self-test: expected a network with one output, got one that computes its losses itself. Leave it out"
        )
    if self_test and kept is None:
        overfit_one_batch(network, loss, TrainingSet(train, recipe), plan.keys(0), train.unknown)
    # Its own generator, as a loader draws a seed when it starts, which must not depend on where a run was resumed.
    loader = DataLoader(
        TrainingSet(train, recipe),
        batch_sampler=Batches(plan, state.step, fabric.global_rank),
        num_workers=recipe.run.workers,
        collate_fn=train.collate,
        generator=torch.Generator(),
        pin_memory=device.type == "cuda",
    )
    batches = iter(loader)
    if kept is None:
        torch.manual_seed(recipe.seed + fabric.global_rank)
    else:
        restore_random(kept, fabric.global_rank)

    def together(flag: bool) -> bool:
        """What the first process decides, as clocks and signals differ: all of them save, validate and stop at the same step."""
        return flag if fabric.world_size == 1 else bool(fabric.broadcast(flag))

    def save() -> None:
        random = torch.get_rng_state()
        randoms: list[Any] = [random] * fabric.world_size
        if fabric.world_size > 1:
            torch.distributed.all_gather_object(randoms, random)
        if fabric.is_global_zero:
            tensors = tensors_of(network, optimiser, average, randoms)
            checkpoint.write(place.checkpoints, state.step, checkpoint.Checkpoint(tensors, facts()))
        fabric.barrier()

    def facts() -> dict[str, Any]:
        return {
            "step": state.step,
            "epoch": plan.epoch(max(0, state.step - 1)) + 1,
            "score": state.score,
            "network": table.name,
            "taxonomy": train.taxonomy.to_dict(),
            "state": state.facts(),
        }

    def validate(epoch: int, report: Report) -> dict[str, float]:
        if average is not None:
            shadow.load_state_dict(average.state)
        predictor = TorchPredictor(
            shadow if average is not None else network,
            recipe.augmentation.mean,
            recipe.augmentation.std,
            channels=table.channels,
            channels_last=recipe.run.channels_last,
        )
        scores = task.evaluate(predictor, val)
        state.score = scores.score
        if not math.isnan(scores.score) and (state.best is None or scores.score > state.best):
            state.best, state.best_step, state.stale = scores.score, state.step, 0
            tensors = checkpoint.network_tensors(predictor.network.state_dict(), "network.")
            checkpoint.write_best(place.checkpoints, state.step, checkpoint.Checkpoint(tensors, facts()))
        else:
            state.stale += 1
        shown = min(recipe.validation.samples, len(val))
        if shown:
            chosen = [round(i * (len(val) - 1) / max(1, shown - 1)) for i in range(shown)]
            report.samples(epoch, task.picture(predictor, val, chosen))
        return scores.row

    began, saved, told = time.perf_counter(), time.perf_counter(), 0.0
    done_before, images, images_since = state.seconds, 0, time.perf_counter()
    patience = recipe.validation.patience
    early = together(bool(patience and state.stale >= patience))
    with signals() as stopping:
        while state.step < plan.steps and not early and not together(stopping.is_set()):
            step = state.step
            rate = factor(recipe.schedule, step, plan.steps)
            for group in optimiser.param_groups:
                group["lr"] = group["base_rate"] * rate
            value = _step(fabric, model, wrapped, optimiser, loss, batches, recipe, train, place, step, device)
            if average is not None:
                average.update(network)
            state.step += 1
            state.losses.append(value)
            images += plan.batch(step)
            state.seconds = done_before + time.perf_counter() - began
            now = time.perf_counter()
            speed = images / max(now - images_since, 1e-9)
            ends = plan.ends_epoch(step)
            epoch = plan.epoch(step) + 1
            due = ends and epoch > recipe.validation.from_epoch and epoch % recipe.validation.every == 0
            due = len(val) > 0 and (due or state.step == plan.steps)
            if ends and report is not None:
                row: dict[str, Any] = {
                    "step": state.step,
                    "epoch": epoch,
                    "seconds": round(state.seconds, 1),
                    "learning_rate": recipe.optimiser.rate * rate,
                    "loss": sum(state.losses) / len(state.losses),
                    "images_per_second": round(speed, 2),
                }
                if due:
                    row |= validate(epoch, report)
                report.append(row)
                report.curves(paced=state.step < plan.steps)
                images, images_since = 0, time.perf_counter()
            if ends:
                recent = state.losses[-1]
                state.losses.clear()
                early = together(bool(patience and state.stale >= patience))
            late = time.perf_counter() - saved > 60 * recipe.run.checkpoint_minutes
            if together(due or (ends and now - saved > 30) or late):
                save()
                saved = time.perf_counter()
            if fabric.is_global_zero and (now - told > 1 or ends):
                told = now
                shown = sum(state.losses[-20:]) / len(state.losses[-20:]) if state.losses else recent
                left = (plan.steps - state.step) * plan.batch(step) / max(speed, 1e-9)
                watch(
                    Progress(
                        state.step,
                        plan.steps,
                        epoch,
                        plan.epochs,
                        shown,
                        speed,
                        left,
                        state.score,
                        state.best,
                        due,
                        task.measure,
                    )
                )
        save()
    if report is not None:
        report.curves()
        report.close()
    outcome = Outcome(place.path, state.step, state.best, early or state.step == plan.steps, early, state.seconds)
    if fabric.is_global_zero:
        place.note(outcome={k: v for k, v in vars(outcome).items() if k != "folder"})
    return outcome


def _step(
    fabric: Fabric,
    model: Any,
    wrapped: Any,
    optimiser: torch.optim.Optimizer,
    loss: Callable[[Any, Tensor], Tensor],
    batches: Iterator,
    recipe: Recipe,
    train: Samples,
    place: Folder,
    step: int,
    device: torch.device,
) -> float:
    """One step of the optimiser; the mean loss of its batches. The weights are not touched where the loss is not finite."""
    accumulate = recipe.optimiser.accumulate
    total = 0.0
    wrapped.zero_grad(set_to_none=True)
    for number in range(accumulate):
        images, targets, keys = next(batches)
        images = images.to(device, non_blocking=True)
        if recipe.run.channels_last:
            images = images.contiguous(memory_format=torch.channels_last)
        with fabric.no_backward_sync(model, enabled=number < accumulate - 1):
            value = loss(model(images), targets.to(device, non_blocking=True))
            fabric.backward(value / accumulate)
        total += float(value.detach()) / accumulate
        if not math.isfinite(total):
            files = ", ".join(train.name(int(index)) for _, _, index in keys.tolist())
            last = sorted(place.checkpoints.glob("step-*.json"))
            good = last[-1].with_suffix(".safetensors") if last else "none yet"
            raise TrainingStopped(
                f"the loss is {total} at step {step}; the files of the batch: {files}; the last good checkpoint: {good}. "
                "Lower optimiser.rate or set optimiser.clip, and look at these files"
            )
    if recipe.optimiser.clip:
        fabric.clip_gradients(model, wrapped, max_norm=recipe.optimiser.clip, error_if_nonfinite=False)
    wrapped.step()
    return total
