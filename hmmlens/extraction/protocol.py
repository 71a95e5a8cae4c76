"""Run batches through an object that follows the recurrence protocol.

The way in for cells written by hand and for other frameworks: ``state = start(n_sequences)``,
``state = step(state, input)`` and ``output = readout(state)``. A state is a tuple with one entry
per layer, ``(hidden,)`` or ``(hidden, cell)``, each (sequence, unit), as arrays or tensors. The
nodes are ``layer0``, ``layer1``, ...
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hmmlens.errors import DataError
from hmmlens.extraction.layers import chosen
from hmmlens.extraction.modules import Batch, Node
from hmmlens.extraction.replay import Wants, tolerance

METHODS = ("start", "step", "readout")


def follows(model: object) -> bool:
    """Tell whether an object has the methods of the protocol."""
    return all(callable(getattr(model, name, None)) for name in METHODS)


class Runner:
    """Runs batches through an object with ``start``, ``step`` and ``readout``.

    Parameters
    ----------
    model : the object; a torch module is given tensors, any other object NumPy arrays.
    layers : names of nodes to record, or None for all.
    wants : of these only ``cell`` can be had.
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
        self.device = torch.device("cpu")
        if isinstance(model, nn.Module):
            self.device = next((p.device for p in model.parameters()), self.device)

    def settle(self, inputs: NDArray[Any], lengths: NDArray[np.int64]) -> None:
        """Do nothing: a step cannot read the padding that follows it."""

    def run(self, inputs: NDArray[Any], lengths: NDArray[np.int64], verify: bool) -> Batch:
        """Run one batch.

        Parameters
        ----------
        inputs : (sequence, time, ...)
        lengths : (sequence)
        verify : step every recorded state once more, and compare states and outputs.

        Raises
        ------
        DataError
            When a state is not as the protocol says.
        """
        n, n_steps = inputs.shape[:2]
        x: Any = inputs
        if isinstance(self.model, nn.Module):
            x = torch.from_numpy(np.ascontiguousarray(inputs)).to(self.device)
        states, outputs = [self.model.start(n)], []
        for t in range(n_steps):
            states.append(self.model.step(states[-1], x[:, t]))
            outputs.append(_tensor(self.model.readout(states[-1])))
        names = [f"layer{i}" for i in range(len(states[0]))]
        gaps = [math.nan] * len(names)
        error, unknown = math.nan, ""
        if verify:
            inside = torch.arange(n_steps) < torch.from_numpy(lengths)[:, None]
            gaps, error, unknown = self._again(states, outputs, x, inside)
        nodes = {}
        for name in chosen(names, self.layers, []):
            index = names.index(name)
            nodes[name] = Node(self._arrays(states[1:], index, n), None, gaps[index])
        layers = [[name] for name in nodes]
        return Batch(torch.stack(outputs, dim=1), nodes, error, unknown, layers=layers)

    def _arrays(self, states: Sequence[Any], index: int, n: int) -> dict[str, Tensor]:
        kinds = ("hidden", "cell") if self.wants.cell else ("hidden",)
        arrays = {}
        for position, name in enumerate(kinds[: len(states[0][index])]):
            values = torch.stack([_tensor(state[index][position]) for state in states], dim=1)
            if values.ndim != 3 or len(values) != n:
                raise DataError(
                    f"layer{index}: a state's {name} must be (sequence, unit) for {n} sequences, "
                    f"found {tuple(values.shape[:1] + values.shape[2:])}"
                )
            arrays[name] = values
        return arrays

    def _again(
        self, states: Sequence[Any], outputs: Sequence[Tensor], x: Any, inside: Tensor
    ) -> tuple[list[float], float, str]:
        """Step each recorded state once more; one that can move differently is not known."""
        gaps, error = [0.0] * len(states[0]), 0.0
        for t, output in enumerate(outputs):
            rows = inside[:, t].to(output.device)
            moved = self.model.step(states[t], x[:, t])
            told = _tensor(self.model.readout(states[t + 1]))
            pairs = [
                (i, _tensor(a)[rows], _tensor(b)[rows])
                for i, (one, other) in enumerate(zip(moved, states[t + 1], strict=True))
                for a, b in zip(one, other, strict=True)
            ]
            for index, a, b in [*pairs, (None, told[rows], output[rows])]:
                if not len(a):
                    continue
                gap = float((a - b).abs().max())
                if math.isnan(gap):
                    where = "the output" if index is None else f"layer{index}"
                    raise DataError(f"{where} is not a number at step {t}")
                if gap > tolerance(b):
                    return [math.nan] * len(gaps), math.nan, "steps differ when they run again"
                error = max(error, gap)
                if index is not None:
                    gaps[index] = max(gaps[index], gap)
        return gaps, error, ""


def _tensor(values: Any) -> Tensor:
    if isinstance(values, Tensor):
        return values.detach()
    # Frameworks on another device give arrays by way of NumPy.
    return torch.from_numpy(np.array(values))
