"""What a recipe asks for, made: samples, network, loss, optimiser."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from .. import losses
from ..core.errors import InputError, OptionError, UnknownName
from ..networks import Network, build, options_of
from .preflight import class_frequencies
from .recipe import Loss, NetworkTable, Optimiser, Recipe, Term
from .samples import Samples, opened
from .tasks import task_of


def training_samples(recipe: Recipe) -> tuple[Samples, Samples]:
    """Training and validation samples. With `holdout`, a share of the training samples, drawn from the seed, is held out."""
    data = recipe.data
    sets = [opened(data, split) for split in data.train]
    task = task_of(recipe)
    train = task.samples(sets, cache=data.cache)
    if data.holdout:
        return train.split(data.holdout, recipe.seed)
    val = [opened(data, data.val)] if data.val else []
    return train, task.samples(val, train.taxonomy, cache=data.cache)


def resolved(recipe: Recipe, tell: Callable[[str], None]) -> Recipe:
    """The recipe with what it leaves open decided, so that a run folder says what was done; each decision is told.

    pretrained = "auto" becomes true where the network has pretrained weights that can be had here, else false, and `slow` is then
    empty, which is for pretrained parts. A network that can pad its convolutions (U-Net) does, since a target has the image's size.

    Raises OptionError for padded = false, UnknownName for an unknown network.
    """
    table, optimiser = recipe.network, recipe.optimiser
    known = options_of(table.name)
    options = dict(table.options)
    if "padded" in known:
        if not options.setdefault("padded", True):
            raise OptionError(
                f"network.options.padded: expected true, as the logits of an unpadded {table.name} are smaller than the target"
            )
        if "padded" not in table.options:
            tell(f"note: {table.name} pads its convolutions here, since a target has the image's size")
    pretrained = table.pretrained
    if pretrained == "auto":
        pretrained, why = _pretrained(table, known)
        if not pretrained:
            optimiser = optimiser.model_copy(update={"slow": []})
            tell(f"note: {table.name} begins with random weights: {why}. It learns from few pictures less well so")
    network = table.model_copy(update={"options": options, "pretrained": pretrained})
    return recipe.model_copy(update={"network": network, "optimiser": optimiser})


def _pretrained(table: NetworkTable, known: Sequence[str]) -> tuple[bool, str]:
    """Whether the network's pretrained weights can be had, else why not."""
    if "pretrained" not in known:
        return False, "it has no pretrained encoder"
    try:
        build(table.name, 2, table.channels, **table.options, pretrained=True)
    except InputError as error:
        return False, str(error).split(". ")[0]
    return True, ""


def build_network(table: NetworkTable, classes: int, *, pretrained: bool = False) -> Network:
    """The recipe's network in PyTorch's default device. pretrained: with the weights that the recipe asks for."""
    weights = {"pretrained": True} if pretrained and table.pretrained else {}
    return build(table.name, classes, table.channels, **table.options, **weights)


def check_parts(recipe: Recipe, samples: Samples) -> None:
    """Network, loss and optimiser made once without memory (PyTorch's meta device), so that a wrong table stops before any work.

    Raises what making them raises: UnknownName, OptionError.
    """
    with torch.device("meta"):
        network = build_network(recipe.network, len(samples.taxonomy))
        training_loss(recipe.loss, samples, torch.ones(len(samples.taxonomy)))
    make_optimiser(recipe.optimiser, network)


def class_weights(table: Loss, samples: Samples) -> Tensor | None:
    """(K,) from how often each class occurs in the samples; None for a loss without weights, and for the samples' own."""
    if table.class_weights == "none" or samples.own_loss is not None:
        return None
    counts, images = class_frequencies(samples)
    weigh = getattr(losses, table.class_weights)
    weights: Tensor = weigh(counts, images) if table.class_weights == "median_frequency" else weigh(counts)
    return weights


def adjustment(table: Loss, weights: Tensor | None) -> list[float]:
    """What is added to the logits in use, one a class, -unweigh * log(weight); empty where nothing is. weights: `class_weights`.

    Weights help a network to learn rare classes, and move its decision towards them; this moves it back by as much as is
    asked for. Menon et al., "Long-Tail Learning via Logit Adjustment", ICLR 2021, arXiv:2007.07314.
    """
    if weights is None or not table.unweigh:
        return []
    return [float(value) for value in -table.unweigh * weights.double().log()]


def training_loss(table: Loss, samples: Samples, weights: Tensor | None = None) -> Callable[[Any, Tensor], Tensor]:
    """(Logits, target) -> the recipe's sum of losses, with the auxiliary outputs' share; or the samples' own.

    weights: `class_weights`, where they are known already; counting them reads all samples.

    Raises UnknownName for a loss or an option of it, OptionError for losses beside those of a network that has its own.
    """
    if samples.own_loss is not None:
        if table != Loss():
            raise OptionError("loss: a network of this task computes its losses itself. Leave the table out")
        return samples.own_loss
    weights = class_weights(table, samples) if weights is None else weights
    ignore = samples.unknown
    combined = losses.combined([(term.factor, _term(term, weights)) for term in table.terms])

    def total(output: Any, target: Tensor) -> Tensor:
        value = combined(output.logits, target, ignore=ignore)
        for auxiliary in output.auxiliary:
            value = value + table.auxiliary * combined(auxiliary, target, ignore=ignore)
        return value

    return total


def _term(term: Term, weights: Tensor | None) -> Callable[..., Tensor]:
    known = [n for n in losses.__all__ if n.endswith(("_loss", "entropy", "softmax"))]
    if term.name not in known:
        raise UnknownName("loss", term.name, known, f"Known are {', '.join(known)}.")
    function = getattr(losses, term.name)
    options = [p.name for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY]
    for option in term.options:
        if option not in options or option in ("ignore", "weights"):
            raise UnknownName("option", option, options, f"The options of {term.name} are {', '.join(options)}.")
    weighted = {"weights": weights} if weights is not None and "weights" in options else {}
    return partial(function, **term.options, **weighted)


def make_optimiser(table: Optimiser, network: nn.Module) -> torch.optim.Optimizer:
    """Weights decay, biases and norms do not; parameters whose name holds a part of `slow` learn at rate * slow_factor."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            slow = any(part in name for part in table.slow)
            groups.setdefault((parameter.ndim > 1, slow), []).append(parameter)
    listed = []
    for (decays, slow), parameters in groups.items():
        rate = table.rate * (table.slow_factor if slow else 1.0)
        decay = table.weight_decay if decays else 0.0
        listed.append({"params": parameters, "lr": rate, "base_rate": rate, "weight_decay": decay})
    if table.slow and not any(slow for _, slow in groups):
        raise OptionError(f"optimiser.slow: expected parts of parameter names, got {table.slow}, which are in none")
    if table.name == "sgd":
        return torch.optim.SGD(listed, lr=table.rate, momentum=table.momentum)
    return torch.optim.AdamW(listed, lr=table.rate, betas=table.betas)
