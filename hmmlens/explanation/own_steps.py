"""One step of a network of any framework, checked on the states that it has recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hmmlens.dynamics.protocol import leaves, takes_tensors
from hmmlens.dynamics.state_vectors import flatten, unflatten
from hmmlens.errors import DataError, no_exit, one_line
from hmmlens.recording.nested_states import mapped, tensor
from hmmlens.recording.verification.replay import allowed
from hmmlens.typing import Bools, Floats

#: Rows that are stepped at once.
CHUNK = 20000


class RecordedSteps:
    """A network that goes on from recorded states, with ``start``, ``step`` and ``readout``.

    Parameters
    ----------
    step : callable or object
        Takes a state and an input of each run and returns the next state; or an object with
        ``step``, ``readout`` and, where the state is no plain array, ``start``.
    readout : callable or None
        Takes a state and returns outputs (run, output); None for that of the object, or for a
        linear readout that is fitted to the recorded outputs.
    hidden : nested arrays (sequence, time, unit)
        Recorded states.
    outputs : ndarray of shape (sequence, time, output)
        Recorded outputs.
    inside : ndarray of shape (sequence, time)
        False past the end of a sequence.

    Raises
    ------
    DataError
        When something is missing, or does not fit the recorded states.
    """

    def __init__(
        self, step: Any, readout: Any, hidden: Any, outputs: NDArray[Any], inside: Bools
    ) -> None:
        made = getattr(step, "step", None)
        self._step: Callable[..., Any] = made if callable(made) else step
        if not callable(self._step):
            raise DataError(
                f"step is a value of type {type(step).__name__}; a function step(state, input) "
                "that returns the next state is needed, or an object with step and readout"
            )
        parts = [np.asarray(part) for part in leaves(hidden)]
        self.entries = np.concatenate(parts, axis=2)
        self._like = mapped(lambda part: np.zeros((1, np.shape(part)[2])), hidden)
        start = getattr(step, "start", None)
        if callable(start):
            with no_exit("start"):
                self._like = start(1)
            n_entries = sum(np.shape(part)[1] for part in leaves(self._like))
            if n_entries != self.entries.shape[2]:
                raise DataError(
                    f"start gives a state of {n_entries} entries, and hidden has "
                    f"{self.entries.shape[2]}; hidden must hold the whole state, in the order of "
                    "start"
                )
        self.takes_tensors = bool(getattr(step, "takes_tensors", False)) or all(
            isinstance(part, torch.Tensor) for part in leaves(self._like)
        )
        given = getattr(step, "readout", None) if readout is None else readout
        self._readout = given if callable(given) else self._linear(outputs, inside)

    def start(self, n: int) -> Any:
        """Return a state of zeros, which shows of what parts a state is.

        Parameters
        ----------
        n : int
            Number of runs.

        Returns
        -------
        nested arrays (run, unit)
            Not the initial state, which need not be known.
        """

        def _zeros(part: Any) -> Any:
            width = np.shape(part)[1]
            if isinstance(part, torch.Tensor):
                return part.new_zeros(n, width)
            return np.zeros((n, width), dtype=np.asarray(part).dtype)

        return mapped(_zeros, self._like)

    def step(self, state: Any, inputs: Any) -> Any:
        """Return the state after one step.

        Parameters
        ----------
        state : nested arrays (run, unit)
            State before.
        inputs : array of shape (run, feature) or (run)
            Input of the step.

        Returns
        -------
        nested arrays (run, unit)
            State after.
        """
        return self._step(state, inputs)

    def readout(self, state: Any) -> Any:
        """Return the outputs of a state.

        Parameters
        ----------
        state : nested arrays (run, unit)
            A state.

        Returns
        -------
        array of shape (run, output)
            Outputs.
        """
        return self._readout(state)

    def replay(self, inputs: NDArray[Any], outputs: NDArray[Any], inside: Bools) -> float:
        """Step every recorded state once, and compare with the recorded state after it.

        Parameters
        ----------
        inputs : ndarray of shape (sequence, time) or (sequence, time, feature)
            Inputs of the recorded steps.
        outputs : ndarray of shape (sequence, time, output)
            Recorded outputs.
        inside : ndarray of shape (sequence, time)
            False past the end of a sequence.

        Returns
        -------
        float
            The largest difference of states and outputs.

        Raises
        ------
        DataError
            With the first sequence and step where the difference is larger than rounding.
        """

        def _states(rows: Any, steps: Any) -> Any:
            return unflatten(torch.as_tensor(self.entries[rows, steps]), self)

        def _after(part: slice) -> torch.Tensor:
            given = self._given(inputs[rows[part], steps[part] + 1])
            return flatten(self.step(_states(rows[part], steps[part]), given))

        def _answer(part: slice) -> torch.Tensor:
            return tensor(self.readout(_states(rows[part], steps[part])))

        rows, steps = np.argwhere(inside[:, 1:]).T
        after = self._mapped("step", _after, len(rows))
        error = self._compared("step", after, self.entries[rows, steps + 1], rows, steps + 1)
        rows, steps = np.argwhere(inside).T
        answers = self._mapped("readout", _answer, len(rows))
        wanted = outputs[rows, steps]
        return max(error, self._compared("readout", answers, wanted, rows, steps))

    def _given(self, inputs: NDArray[Any]) -> Any:
        values = np.ascontiguousarray(inputs)
        return torch.from_numpy(values) if takes_tensors(self) else values

    def _mapped(
        self, name: str, function: Callable[[slice], torch.Tensor], n_rows: int
    ) -> NDArray[Any]:
        """Return the results of a user's function on all rows."""
        parts = []
        for first in range(0, n_rows, CHUNK):
            part = slice(first, min(first + CHUNK, n_rows))
            try:
                with no_exit(name), torch.no_grad():
                    parts.append(function(part).cpu().numpy())
            except DataError:
                raise
            except Exception as error:
                # Whatever a user's own function raises.
                raise DataError(f"{name} fails on recorded states: {one_line(error)}") from error
        return np.concatenate(parts)

    def _compared(
        self, name: str, found: NDArray[Any], recorded: NDArray[Any], rows: Any, steps: Any
    ) -> float:
        what = "the recorded state after it" if name == "step" else "the recorded output"
        if found.shape != recorded.shape:
            raise DataError(
                f"{name} returns {found.shape[1:]} for each state, and recorded are "
                f"{recorded.shape[1:]}"
            )
        apart = np.abs(found.astype(np.float64) - recorded).max(axis=1)
        narrow = np.result_type(self.entries.dtype, recorded.dtype) == np.float64
        precise = torch.float64 if narrow and found.dtype == np.float64 else torch.float32
        limit = allowed(float(np.abs(recorded).max(initial=0.0)), precise)
        if (wrong := np.flatnonzero(~(apart <= limit))).size:
            first = wrong[0]
            raise DataError(
                f"{name} gives something else than {what}: at sequence {rows[first]}, step "
                f"{steps[first]} it differs by {apart[first]:.2g}, above {limit:.2g}"
            )
        return float(apart.max(initial=0.0))

    def _linear(self, outputs: NDArray[Any], inside: Bools) -> Callable[[Any], Floats]:
        """Return the linear readout that gives the recorded outputs."""
        entries = self.entries[inside].astype(np.float64)
        design = np.concatenate([entries, np.ones((len(entries), 1))], axis=1)
        wanted = outputs[inside].astype(np.float64)
        weights = np.linalg.lstsq(design, wanted, rcond=None)[0]
        apart = np.abs(design @ weights - wanted).max(initial=0.0)
        limit = allowed(float(np.abs(wanted).max(initial=0.0)), torch.float32)
        if not apart <= limit:
            raise DataError(
                "outputs are no linear function of hidden (the largest difference is "
                f"{apart:.2g}); give the function readout(state) that returns them"
            )

        def _readout(state: Any) -> Floats:
            vectors = flatten(state).cpu().numpy().astype(np.float64)
            answer: Floats = vectors @ weights[:-1] + weights[-1]
            return answer

        return _readout
