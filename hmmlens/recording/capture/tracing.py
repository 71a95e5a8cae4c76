"""Values of variables at the end of every iteration of their loops, while a network runs.

Python's own tracing (:func:`sys.settrace`) shows each line of the method that holds the loop; a
value is copied whenever the loop comes back to its header. A debugger or a measurement of coverage
that traces too is suspended meanwhile.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

from hmmlens.recording.nested_states import copied
from hmmlens.rnn.loop_variables import Loop, LoopVariable

_MISSING = object()


class Trace:
    """The values of one variable in each of its loops.

    Parameters
    ----------
    variable : LoopVariable
        The variable.

    Attributes
    ----------
    runs : dict of Loop to list of list
        For each loop the times that it was entered, each with a value for every iteration.
    """

    def __init__(self, variable: LoopVariable) -> None:
        self.variable = variable
        self.runs: dict[Loop, list[list[Any]]] = {loop: [] for loop in variable.loops}

    def values(self, n_steps: int) -> list[list[Any]]:
        """Return the values of the loop over time.

        Parameters
        ----------
        n_steps : int
            Steps of the input.

        Returns
        -------
        list of list
            Of the outermost loop that has an iteration for each step whenever it is entered, or of
            the outermost one; entered times without an iteration are left out.
        """
        runs = [[run for run in self.runs[loop] if run] for loop in self.variable.loops]
        timed = [found for found in runs if found and {len(run) for run in found} == {n_steps}]
        return timed[0] if timed else next((found for found in runs if found), [])


class _Watch:
    """Follows one loop in one call of its function."""

    def __init__(self, trace: Trace, loop: Loop) -> None:
        self.runs, self.loop, self.name = trace.runs[loop], loop, trace.variable.name
        self.place: str = "outside"
        self.last: Any = _MISSING

    def line(self, line: int, frame: FrameType) -> None:
        """Note a line that is about to run."""
        header, body, end = self.loop
        if header <= line < body or line == header:
            if self.place == "outside":
                self.runs.append([])
                self.last = frame.f_locals.get(self.name, _MISSING)
            elif self.place == "body" or header == body:
                self._take(frame)
            self.place = "header"
        elif body <= line <= end:
            self.place = "body"
        else:
            self.leave(frame)

    def leave(self, frame: FrameType) -> None:
        """Note that the loop has ended; by ``break`` or ``return``, within an iteration."""
        if self.place == "body" and frame.f_locals.get(self.name, _MISSING) is not self.last:
            self._take(frame)
        self.place = "outside"

    def _take(self, frame: FrameType) -> None:
        self.last = frame.f_locals.get(self.name, _MISSING)
        if self.last is not _MISSING:
            self.runs[-1].append(copied(self.last))


@contextmanager
def traced(variables: Sequence[LoopVariable]) -> Iterator[list[Trace]]:
    """Collect the values of variables within a ``with`` block.

    Parameters
    ----------
    variables : sequence of LoopVariable
        The variables.

    Yields
    ------
    list of Trace
        One for each variable; they fill while the network runs.
    """
    traces = [Trace(variable) for variable in variables]
    if not traces:
        yield traces
        return

    def _called(frame: FrameType, event: str, _: Any) -> Any:
        own = [t for t in traces if t.variable.code is frame.f_code and _is_of(t.variable, frame)]
        if event != "call" or not own:
            return None
        watches = [_Watch(trace, loop) for trace in own for loop in trace.variable.loops]

        def _followed(frame: FrameType, event: str, _: Any) -> Any:
            for watch in watches:
                if event == "line":
                    watch.line(frame.f_lineno, frame)
                elif event == "return":
                    watch.leave(frame)
            return _followed

        return _followed

    before = sys.gettrace()
    sys.settrace(_called)
    try:
        yield traces
    finally:
        sys.settrace(before)


def _is_of(variable: LoopVariable, frame: FrameType) -> bool:
    """Return whether a call is one of the module that owns the variable."""
    names = frame.f_code.co_varnames
    return bool(names) and frame.f_locals.get(names[0]) is variable.owner
