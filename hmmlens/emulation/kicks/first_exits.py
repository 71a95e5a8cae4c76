"""When a network first leaves a label, in many changed copies of it at once.

The outcome is the first exit only: what a change does after it, such as making the next label
shorter, does not count. All copies start from the same states and receive the same noise (common
random numbers), so that they differ by the intervention alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from hmmlens.dynamics.labels import latent
from hmmlens.dynamics.protocol import DrivenNetwork
from hmmlens.emulation.interventions import Intervention, select_rows
from hmmlens.errors import DataError
from hmmlens.rnn.recurrent_network import State
from hmmlens.stats import bootstrap
from hmmlens.typing import Floats, Int64s

#: Rows that run at once. They fit the cache of a core.
N_ROWS = 4096
#: Steps after which rows that have left are dropped.
DROP_EVERY = 5


class InitialStates(NamedTuple):
    """States to start from, and the noise that follows.

    Attributes
    ----------
    state : tuple of tuple of Tensor of shape (start, unit)
    noise_input : Tensor of shape (time, start, input)
        Of :func:`hmmlens.emulation.interventions.noise_input`, at each step.
    label : int
        The label of all the states.
    """

    state: State
    noise_input: Tensor
    label: int


class Exits(NamedTuple):
    """First exits of each copy from each initial state.

    Attributes
    ----------
    steps : ndarray of shape (copy, start)
        Steps at risk: until the first exit, or until the noise ended.
    to : ndarray of shape (copy, start)
        The label that followed, -1 where there was no exit or the state diverged.
    """

    steps: Int64s
    to: Int64s


def first_exits(
    network: DrivenNetwork,
    intervention: Intervention,
    n_copies: int,
    initial: InitialStates,
    informative: Sequence[int],
    *,
    n_rows: int = N_ROWS,
    drop_every: int = DROP_EVERY,
) -> Exits:
    """Run every copy from every initial state until it leaves the label, or the noise ends.

    Parameters
    ----------
    network : DrivenNetwork
    intervention : callable
        The copies, see :mod:`hmmlens.emulation.interventions`.
    n_copies : int
    initial : InitialStates
    informative : sequence of int
        The symbols that distinguish states, see :mod:`hmmlens.dynamics.labels`.
    n_rows : int
        Rows that run at once; a matter of speed alone.
    drop_every : int
        Steps after which rows that have left are dropped; a matter of speed alone.

    Returns
    -------
    Exits
        First exits of every copy.

    Raises
    ------
    DataError
        When there is no initial state.
    """
    n_initial, horizon = initial.noise_input.shape[1], len(initial.noise_input)
    if not n_initial:
        raise DataError("the network is never in the label, so it cannot be seen to leave it")
    device = initial.noise_input.device
    steps = torch.full((n_copies, n_initial), horizon, device=device)
    to = torch.full((n_copies, n_initial), -1, device=device)
    at_once = max(1, n_rows // n_initial)
    with torch.inference_mode():
        for first in range(0, n_copies, at_once):
            copies = torch.arange(first, min(first + at_once, n_copies), device=device)
            rows = torch.arange(n_initial, device=device).repeat(len(copies))
            copies = copies.repeat_interleave(n_initial)
            state, step = select_rows(initial.state, rows), intervention(copies)
            inside = torch.ones_like(rows, dtype=torch.bool)
            for t in range(horizon):
                state = step(state, initial.noise_input[t][rows])
                logits = network.readout(state)
                bounded = logits.isfinite().all(dim=1)
                now = latent(logits, informative)
                gone = inside & bounded & (now != initial.label)
                ended = inside & ~(bounded & ~gone)
                steps[copies[ended], rows[ended]] = t + 1
                to[copies[gone], rows[gone]] = now[gone]
                inside = inside & ~ended
                if (t + 1) % drop_every == 0 and not inside.all():
                    stay = torch.nonzero(inside)[:, 0]
                    if not len(stay):
                        break
                    state, copies, rows = select_rows(state, stay), copies[stay], rows[stay]
                    step, inside = intervention(copies), inside[stay]
    return Exits(steps.cpu().numpy(), to.cpu().numpy())


def hazards(exits: Exits, to: int | None = None) -> Floats:
    """Return exits per step at risk, or only those for one label (cause-specific hazard).

    Parameters
    ----------
    exits : Exits
    to : int, optional
        The label that follows.

    Returns
    -------
    ndarray of shape (copy)
        Exits per step.

    Examples
    --------
    >>> import numpy as np
    >>> exits = Exits(steps=np.array([[4, 6], [10, 10]]), to=np.array([[1, 1], [-1, 1]]))
    >>> hazards(exits).tolist()
    [0.2, 0.05]
    """
    exited = exits.to >= 0 if to is None else exits.to == to
    hazard: Floats = exited.sum(axis=1) / exits.steps.sum(axis=1)
    return hazard


def reductions(exits: Exits, unperturbed: Exits, to: int | None = None) -> Floats:
    """Return the share by which each copy's hazard is below that of an unperturbed network.

    Parameters
    ----------
    exits : Exits
    unperturbed : Exits
        Of one copy.
    to : int, optional
        The label that follows; by default any.

    Returns
    -------
    ndarray of shape (copy)
        1 where there are no exits any more, 0 where nothing changed, below 0 where there are more.

    Raises
    ------
    DataError
        When the unperturbed network never leaves.
    """
    hazard = float(hazards(unperturbed, to)[0])
    if hazard == 0:
        raise DataError(
            "the network never leaves the label, so nothing can lower how often it does"
        )
    return 1 - hazards(exits, to) / hazard


def reduction_estimate(
    exits: Exits,
    unperturbed: Exits,
    rng: np.random.Generator,
    to: int | None = None,
    n_bootstrap: int = 1000,
) -> bootstrap.Estimate:
    """Return the first copy's reduction with its 95 % interval over initial states (bootstrap).

    Both hazards of a resample are of the same initial states, as these share their noise.

    Parameters
    ----------
    exits, unperturbed : Exits
        From the same initial states.
    rng : numpy.random.Generator
    to : int, optional
        The label that follows; by default any.
    n_bootstrap : int

    Returns
    -------
    Estimate
        NaN where the unperturbed network never leaves.
    """
    parts = [
        part
        for outcome in (exits, unperturbed)
        for part in (outcome.to[0] >= 0 if to is None else outcome.to[0] == to, outcome.steps[0])
    ]

    def _score(sums: Floats) -> float:
        return 1 - (sums[0] / sums[1]) / (sums[2] / sums[3]) if sums[2] else np.nan

    return bootstrap.estimate(np.stack(parts, axis=1).astype(float), _score, n_bootstrap, rng)
