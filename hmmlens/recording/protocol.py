"""Run batches through an object that follows the recurrence protocol.

The way in for cells written by hand and for other frameworks. The object has three methods::

    state = start(n_sequences)    # the state before the first step
    state = step(state, input)    # input (sequence) symbols or (sequence, feature) values
    output = readout(state)       # (sequence, output)

A torch module is given tensors of its own type, any other object NumPy arrays. A state is made of
arrays or tensors (sequence, unit), in any of these ways:

- one array: the hidden state of one layer;
- ``(hidden,)`` or ``(hidden, cell)``: one layer, as torch's LSTM has it; also as a dict or a named
  tuple with the keys ``hidden`` or ``h``, and ``cell`` or ``c``;
- a tuple or list of such entries: several layers, as in ``((h0, c0), (h1,))``; a list of arrays,
  ``[h0, h1]``, has one layer for each, where a tuple of two would be hidden and cell;
- a dict or named tuple of such entries: layers with names, as in ``{"encoder": h, "decoder": d}``.

The nodes are ``layer0``, ``layer1``, ..., or have the names of the keys. Every step must return a
state of the same parts. What is recorded is copied, so a step may change its state in place.

Entries of a state may have names: an optional method ``state_names()`` returns, for each node,
``{"hidden": [...], "cell": [...]}`` or one of the two, with a name for each entry. Where all units
are recorded, they are the attributes ``hidden_names`` and ``cell_names`` of the node.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hmmlens.errors import DataError
from hmmlens.recording.nested_states import checked, copied, is_array, tensor
from hmmlens.recording.runner.batch import Batch, Node
from hmmlens.recording.runner.evaluation import as_read
from hmmlens.recording.verification.replay import NotANumberError, Wants, tolerance
from hmmlens.rnn.layers import chosen

METHODS = ("start", "step", "readout")


def follows(model: object) -> bool:
    """Return whether an object has the methods of the protocol.

    Parameters
    ----------
    model : object
        Any object.

    Returns
    -------
    bool
        Whether it has ``start``, ``step`` and ``readout``.

    Examples
    --------
    >>> class Sum:
    ...     def start(self, n_sequences):
    ...         return np.zeros((n_sequences, 1))
    ...     def step(self, state, inputs):
    ...         return state + inputs
    ...     def readout(self, state):
    ...         return state
    >>> follows(Sum()), follows(object())
    (True, False)
    >>> from hmmlens import extract
    >>> extract(Sum(), np.ones((2, 3, 1)))["layer0"]["hidden"].values[0, :, 0].tolist()
    [1.0, 2.0, 3.0]
    """
    return all(callable(getattr(model, name, None)) for name in METHODS)


class Runner:
    """Runs batches through an object with ``start``, ``step`` and ``readout``.

    Parameters
    ----------
    model : object
        A torch module is given tensors, any other object NumPy arrays.
    layers : sequence of str or None
        Names of nodes to record, or None for all.
    wants : Wants
        Of these only ``cell`` can be recorded.
    """

    #: A step cannot read the padding that follows it, so batches are run padded.
    by_length = False

    def __init__(self, model: Any, layers: Sequence[str] | None, wants: Wants) -> None:
        if wants.gates or wants.inputs:
            raise DataError(
                f"{type(model).__name__} is known by its steps only, which show neither gates nor "
                "what a layer reads; leave gates and layer_inputs out"
            )
        self.model, self.layers, self.wants = model, layers, wants

    def settle(self, inputs: NDArray[Any], lengths: NDArray[np.int64]) -> None:
        """Do nothing: a step cannot read the padding that follows it.

        Parameters
        ----------
        inputs : ndarray of shape (sequence, time, ...)
            Not used.
        lengths : ndarray of shape (sequence,)
            Not used.
        """

    def run(self, inputs: NDArray[Any], lengths: NDArray[np.int64], verify: bool) -> Batch:
        """Run one batch.

        Parameters
        ----------
        inputs : ndarray of shape (sequence, time, ...)
            Its sequences.
        lengths : ndarray of shape (sequence,)
            Their steps.
        verify : bool
            Step every recorded state once more, and compare states and outputs.

        Returns
        -------
        Batch
            The states and the output.

        Raises
        ------
        DataError
            When a state is not as the protocol demands.
        """
        n, n_steps = inputs.shape[:2]
        x: Any = as_read(inputs, self.model) if isinstance(self.model, nn.Module) else inputs
        state = self.model.start(n)
        parts = [checked(state, "start", n)]
        # Steps may change a state in place, so copies are kept.
        states = [copied(state)]
        outputs: list[Tensor] = []
        for t in range(n_steps):
            state = self.model.step(state, x[:, t])
            states.append(copied(state))
            parts.append(checked(states[-1], "step", n, parts[0]))
            outputs.append(self._output(state, n))
        names = list(parts[0])
        gaps = dict.fromkeys(names, math.nan)
        error, unknown = math.nan, ""
        if verify:
            inside = torch.arange(n_steps) < torch.from_numpy(lengths)[:, None]
            gaps, error, unknown = self._again(states, parts, outputs, x, inside)
        kinds = ("hidden", "cell") if self.wants.cell else ("hidden",)
        nodes = {
            name: Node(
                {
                    kind: torch.stack([part[name][place] for part in parts[1:]], dim=1)
                    for place, kind in enumerate(kinds[: len(parts[0][name])])
                },
                None,
                gaps[name],
            )
            for name in chosen(names, self.layers, [])
        }
        layers = [[name] for name in nodes]
        return Batch(torch.stack(outputs, dim=1), nodes, error, unknown, layers=layers)

    def _output(self, state: Any, n: int) -> Tensor:
        result = self.model.readout(state)
        if not is_array(result):
            raise DataError(
                f"readout must return an array (sequence, output), found {type(result).__name__}"
            )
        # A readout may give the state itself, which a step may change in place.
        output = tensor(result).clone()
        if not output.ndim or len(output) != n:
            raise DataError(
                f"readout must return (sequence, output) for {n} sequences, found "
                f"{tuple(output.shape)}"
            )
        return output

    def _again(
        self,
        states: Sequence[Any],
        parts: Sequence[Mapping[str, tuple[Tensor, ...]]],
        outputs: Sequence[Tensor],
        x: Any,
        inside: Tensor,
    ) -> tuple[dict[str, float], float, str]:
        """Step each recorded state once more; one that can move differently is not known."""
        gaps, error = dict.fromkeys(parts[0], 0.0), 0.0
        n = len(inside)
        for t, output in enumerate(outputs):
            rows = inside[:, t].to(output.device)
            moved = checked(self.model.step(copied(states[t]), x[:, t]), "step", n, parts[0])
            again = self._output(copied(states[t + 1]), n)
            pairs: list[tuple[str | None, Tensor, Tensor]] = [
                (name, a[rows], b[rows])
                for name, one in moved.items()
                for a, b in zip(one, parts[t + 1][name], strict=True)
            ]
            for name, a, b in [*pairs, (None, again[rows], output[rows])]:
                if not len(a):
                    continue
                gap = float((a - b).abs().max())
                if math.isnan(gap):
                    raise NotANumberError(f"{name or 'the output'} is not a number at step {t}")
                if gap > tolerance(b):
                    return (
                        dict.fromkeys(gaps, math.nan), math.nan,
                        "steps differ when they run again",
                    )  # fmt: skip
                error = max(error, gap)
                if name is not None:
                    gaps[name] = max(gaps[name], gap)
        return gaps, error, ""
