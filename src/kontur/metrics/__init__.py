"""The ruler: every metric of the field, equal to the official tool of its definition; each result names its protocol.

    counts that add  ->  scores read afterwards  ->  to_dict()        of files: evaluate_..() -> Evaluation

Each name is imported when it is first asked for, so that `import kontur.metrics` compiles nothing.
"""

from __future__ import annotations

from ..core.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
