"""Tasks whose answer is known, to measure the error rates of a verdict about discrete states.

``base`` holds the registry :data:`TASKS` and what is known of each task, ``mealy`` turns a function
of one step into a task; the other modules are families of tasks.

The tasks are split into two halves. Thresholds of the verdict may be fixed on the half ``fixing``
only; error rates are reported on the half ``reporting``. The split was made by hand, by family,
with about as many tasks of each answer in both halves, and before any threshold was fixed with the
help of these tasks. Tasks on which thresholds were fixed before are all in ``fixing``. Two
additions to the comparison of futures, splitting along single continuations and the limits of
mixed grades, were proposed after networks of some tasks in ``reporting`` had been read (lexer,
fractional noise, delayed match, traffic light, stack, two-back, mod-5 and rare parity), so these
are not wholly unseen. The mixed tasks ``heading_and_toggle``, ``hold_and_count`` and
``selected_value`` were added to ``reporting`` after all thresholds had been fixed, and before a
network of theirs was judged. The choice of continuations was then changed because of
``hold_and_count``, and the limit of the output that is predicted worst was added because of it and
of ``count_and_average``; both moved to ``fixing`` for that reason. ``signed_sum`` was added to
``reporting`` after the first of these changes, ``gated_sum`` and ``bits_and_sum`` after both,
each before a network of its own was judged. A task may move from ``reporting`` to ``fixing``, and
never back.
"""

from __future__ import annotations

# Each family registers its tasks, in the order of tables.
from hmmlens.datasets.synthetic.tasks import (
    counters,  # noqa: F401
    devices,  # noqa: F401
    integrators,  # noqa: F401
    languages,  # noqa: F401
    latches,  # noqa: F401
    mixed,  # noqa: F401
    oscillators,  # noqa: F401
    processes,  # noqa: F401
    registers,  # noqa: F401
    sources,  # noqa: F401
)
from hmmlens.datasets.synthetic.tasks.base import TASKS

__all__ = ["TASKS"]
