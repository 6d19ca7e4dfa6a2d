"""Learning-rate schedules, as pure functions of the step, so that nothing of them needs to be saved.

Sources: poly, Chen et al., DeepLab, arXiv:1606.00915; cosine, Loshchilov & Hutter, ICLR 2017, arXiv:1608.03983 (without restarts);
one cycle, Smith & Topin, 2018, arXiv:1708.07120 (the rate alone, not the momentum).
"""

from __future__ import annotations

import math

from .recipe import Schedule


def factor(schedule: Schedule, step: int, steps: int) -> float:
    """What the base rate is multiplied with at step 0 .. steps - 1.

    The first `warm_up` share of the steps rises to 1: linearly, (step + 1) / warm, for one_cycle by a half cosine from 1/25. The
    rest falls from 1 to `floor`: (1 - t)^power for poly, (1 + cos(pi t)) / 2 for cosine and one_cycle, t in [0, 1).
    """
    warm = round(schedule.warm_up * steps)
    if step < warm:
        if schedule.name == "one_cycle":
            return 1 / 25 + (1 - 1 / 25) * (1 - math.cos(math.pi * step / warm)) / 2
        return (step + 1) / warm
    t = (step - warm) / max(1, steps - warm)
    if schedule.name == "constant":
        return 1.0
    shape = (1 - t) ** schedule.power if schedule.name == "poly" else (1 + math.cos(math.pi * t)) / 2
    return schedule.floor + (1 - schedule.floor) * shape
