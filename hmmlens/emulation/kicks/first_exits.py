"""When a network first leaves a label, in many changed copies of it at once.

The outcome is the first exit only: what a change does after it, such as keeping the next label
from being held, does not count. All copies start in the same states and get the same noise
(common random numbers), so that what differs between them is the change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from hmmlens.dynamics.labels import latent
from hmmlens.errors import DataError
from hmmlens.rnn import gates
from hmmlens.rnn.noise_driven import ACTIVATIONS, Modulation, NoiseDriven
from hmmlens.rnn.recurrent_network import State
from hmmlens.stats import bootstrap
from hmmlens.typing import Floats, Int64s

#: A step of some rows: their state and what noise gives them, to the state after it.
Step = Callable[[State, Tensor], State]
#: The step of rows, given the changed copy (row) that each of them runs in.
Changed = Callable[[Tensor], Step]

#: Rows that run at once. They fit the cache of a core.
N_ROWS = 4096
#: Steps after which rows that have left are dropped.
DROP_EVERY = 5


class Starts(NamedTuple):
    """States to start in, and the noise that follows.

    state : rows (start, unit)
    given : (time, start, received), what the noise gives at each step
    label : the label of all the states
    """

    state: State
    given: Tensor
    label: int


class Exits(NamedTuple):
    """First exits of each copy from each start.

    steps : (copy, start), steps at risk: until the first exit, or until watching ended
    to : (copy, start), the label it left for, -1 where it stayed or its state left all bounds
    """

    steps: Int64s
    to: Int64s


def picked(state: State, rows: Tensor) -> State:
    """Return those rows of a state."""
    return tuple(tuple(part[rows] for part in entry) for entry in state)


def received(network: NoiseDriven, noise: Tensor) -> Tensor:
    """Return what noise (..., noise) gives (..., received), for a cell of any kind."""
    if network.cell in ACTIVATIONS:
        return network.received(noise)
    return gates.received(network, noise)


def modulated(
    network: NoiseDriven,
    drive: Tensor | None = None,
    noise: Tensor | None = None,
    output: Tensor | None = None,
) -> Changed:
    """Return copies with factors (copy, unit), see :class:`Modulation`; no factor is no change.

    Raises
    ------
    DataError
        When the cell has not one drive per unit and its drive or noise is to be changed.
    """
    if network.cell not in ACTIVATIONS:
        if drive is not None or noise is not None:
            raise DataError(f"a {network.cell} cell has not one drive per unit")
        if output is None:
            return lambda copies: lambda state, given: gates.advance(network, state, given).state
        zero = output.new_zeros(output.shape[1])
        return held(network, gates.SENT, output == 0, zero)
    factors = (drive, noise, output)

    def changed(copies: Tensor) -> Step:
        rows = Modulation(*(1.0 if factor is None else factor[copies] for factor in factors))
        return partial(network.advance, modulation=rows)

    return changed


def held(network: NoiseDriven, gate: str, units: Tensor, value: Tensor) -> Changed:
    """Return copies in which one gate of some units is kept at a value.

    Parameters
    ----------
    gate : of :data:`hmmlens.rnn.gates.GATES`; or, of every cell, ``sent``: what units send
        out.
    units : (copy, unit), whose gate is kept.
    value : (unit) or (copy, unit)
    """

    def changed(copies: Tensor) -> Step:
        kept = gates.Hold(gate, units[copies], value if value.ndim == 1 else value[copies])
        if network.cell in gates.GATES:
            return lambda state, given: gates.advance(network, state, given, kept).state
        if gate != gates.SENT:
            raise DataError(f"a {network.cell} cell has no gate {gate!r}")

        def step(state: State, given: Tensor) -> State:
            sent = network.advance(state, given)[0][0]
            return ((torch.where(kept.units, kept.value, sent),),)

        return step

    return changed


def first_exits(
    network: NoiseDriven,
    changed: Changed,
    n_copies: int,
    starts: Starts,
    informative: Sequence[int],
) -> Exits:
    """Run every copy from every start until it leaves the label, or the noise ends.

    Parameters
    ----------
    changed : the copies, see :func:`modulated` and :func:`held`.
    informative : the symbols that tell states apart, see :mod:`hmmlens.dynamics.labels`.

    Raises
    ------
    DataError
        When there is nowhere to start.
    """
    n_starts, horizon = starts.given.shape[1], len(starts.given)
    if not n_starts:
        raise DataError("the network is never in the label, so it cannot be seen to leave it")
    device = starts.given.device
    steps = torch.full((n_copies, n_starts), horizon, device=device)
    to = torch.full((n_copies, n_starts), -1, device=device)
    at_once = max(1, N_ROWS // n_starts)
    with torch.inference_mode():
        for first in range(0, n_copies, at_once):
            copies = torch.arange(first, min(first + at_once, n_copies), device=device)
            rows = torch.arange(n_starts, device=device).repeat(len(copies))
            copies = copies.repeat_interleave(n_starts)
            state, step = picked(starts.state, rows), changed(copies)
            inside = torch.ones_like(rows, dtype=torch.bool)
            for t in range(horizon):
                state = step(state, starts.given[t][rows])
                logits = network.readout(state)
                bounded = logits.isfinite().all(dim=1)
                now = latent(logits, informative)
                gone = inside & bounded & (now != starts.label)
                ended = inside & ~(bounded & ~gone)
                steps[copies[ended], rows[ended]] = t + 1
                to[copies[gone], rows[gone]] = now[gone]
                inside = inside & ~ended
                if (t + 1) % DROP_EVERY == 0 and not inside.all():
                    stay = torch.nonzero(inside)[:, 0]
                    if not len(stay):
                        break
                    state, copies, rows = picked(state, stay), copies[stay], rows[stay]
                    step, inside = changed(copies), inside[stay]
    return Exits(steps.cpu().numpy(), to.cpu().numpy())


def hazards(exits: Exits, to: int | None = None) -> Floats:
    """Return exits per step at risk (copy), or only those for label ``to`` (cause-specific)."""
    left = exits.to >= 0 if to is None else exits.to == to
    found: Floats = left.sum(axis=1) / exits.steps.sum(axis=1)
    return found


def reductions(exits: Exits, baseline: Exits, to: int | None = None) -> Floats:
    """Return by which share each copy's hazard (copy) is below that of an unchanged network.

    1 where nothing leaves any more, 0 where nothing changed, below 0 where it leaves more often.

    Raises
    ------
    DataError
        When the unchanged network never leaves.
    """
    usual = float(hazards(baseline, to)[0])
    if usual == 0:
        raise DataError(
            "the network never leaves the label, so nothing can lower how often it does"
        )
    return 1 - hazards(exits, to) / usual


def reduction_estimate(
    exits: Exits,
    baseline: Exits,
    rng: np.random.Generator,
    to: int | None = None,
    n_bootstrap: int = 1000,
) -> bootstrap.Estimate:
    """Return the first copy's reduction with its 95 % interval over starts (bootstrap).

    Both hazards are taken from the same starts in a resample, as these share their noise.
    """
    parts = [
        part
        for found in (exits, baseline)
        for part in (found.to[0] >= 0 if to is None else found.to[0] == to, found.steps[0])
    ]

    def score(sums: Floats) -> float:
        return 1 - (sums[0] / sums[1]) / (sums[2] / sums[3]) if sums[2] else np.nan

    return bootstrap.estimate(np.stack(parts, axis=1).astype(float), score, n_bootstrap, rng)
