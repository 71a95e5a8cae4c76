"""How a network's dynamics change along its training, all checkpoints on the same noise.

Measures of Torre et al. 2025: how often the output switches, how many steps have a critical pair
of eigenvalues or an unstable one, and the expected second-order effect of noise.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from hmmlens.dynamics.jacobians import critical_pairs, has_drive, slopes, spectra, unstable
from hmmlens.dynamics.labels import dwells, latent, switching_rate
from hmmlens.dynamics.rollouts import WARM_UP, along, draw, unflatten
from hmmlens.emulation.analysis.orbits import N_TURNING, best_rotation, oriented, plane, rotation
from hmmlens.rnn.noise_driven import NoiseDriven
from hmmlens.stats.ratios import per_run
from hmmlens.typing import Floats

Network = TypeVar("Network", bound=torch.nn.Module)
#: Updates with the weights after them, such as ``hmmlens.emulation.checkpoints.Checkpoints``;
#: gone through several times.
Weights = Iterable[tuple[int, Mapping[str, Tensor]]]

#: Runs of each checkpoint, and their steps.
N_RUNS, N_STEPS = 20, 240
#: Steps between Jacobians, by cell: a ``relu`` network's eigenvalues are those of its active units,
#: an LSTM's Jacobian has twice as many entries on a side.
EVERY = {"relu": 12, "tanh": 40, "gru": 40, "lstm": 80}
#: Trials and steps of the second-order recursion.
N_TRIALS, N_RECURSIONS = 20, 10
#: Trajectories shown, and their steps.
N_SHOWN, N_TRAJECTORY = 6, 700

COLUMNS = [
    "update", "finite", "largest", "switching_rate", "paper_rate", "critical", "critical_low",
    "critical_high", "unstable", "unstable_low", "unstable_high", "rotation", "turns_per_100",
    "rotation_best", "second_order",
]  # fmt: skip


def loaded(network: Network, checkpoints: Weights) -> Iterator[tuple[int, Network]]:
    """Yield each update and the network as it was then; the same object, with other weights."""
    then = copy.deepcopy(network)
    for update, weights in checkpoints:
        then.load_state_dict(dict(weights))
        yield update, then


def evolution(
    network: NoiseDriven,
    checkpoints: Weights,
    informative: Sequence[int],
    generator: torch.Generator,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, Floats]:
    """Measure every checkpoint on one and the same noise.

    Returns
    -------
    table : one row a checkpoint. ``update``; ``finite``, whether all states are, else the other
        measures are NaN; ``largest`` size of a unit; ``switching_rate`` of the latent label per
        step; ``paper_rate``, mean of 1 / steps between changes of the likeliest of *all* symbols,
        the paper's transition rate; ``critical`` and ``unstable``, shares of steps with a critical
        pair or an unstable eigenvalue, with ``_low`` and ``_high`` over runs; ``rotation``,
        ``turns_per_100`` and ``rotation_best`` in the checkpoint's own planes (see
        :func:`hmmlens.emulation.analysis.orbits.summary`); ``second_order``, root mean square over
        units of what :func:`second_order` returns (NaN for cells without drives).
    terms : (checkpoint, unit), the second-order terms
    """
    noise = draw(network, generator, N_RUNS, WARM_UP + N_STEPS)
    trials = draw(network, generator, N_RUNS * N_TRIALS, N_RECURSIONS)
    rows, terms = [], []
    for update, then in loaded(network, checkpoints):
        states, logits = along(then, noise)
        row: dict[str, float | bool] = {"update": update}
        row["largest"] = float(states.abs().amax())
        row["finite"] = bool(torch.isfinite(states).all())
        term = np.full(network.n_units, np.nan)
        if row["finite"]:
            row |= _measures(then, noise, states, logits, informative, rng)
            if has_drive(then):
                term = second_order(then, states[:, WARM_UP], noise[:, WARM_UP + 1 :], trials)
                row["second_order"] = float(np.sqrt((term**2).mean()))
        rows.append(row)
        terms.append(term)
    return pd.DataFrame(rows, columns=COLUMNS), np.array(terms).reshape(-1, network.n_units)


def _measures(
    network: NoiseDriven,
    noise: Tensor,
    states: Tensor,
    logits: Tensor,
    informative: Sequence[int],
    rng: np.random.Generator,
) -> dict[str, float | bool]:
    n_runs = len(states)
    told = logits[:, WARM_UP:]
    lengths = dwells(told.argmax(dim=2).cpu().numpy()).length
    row: dict[str, float | bool] = {
        "switching_rate": switching_rate(latent(told, informative).cpu().numpy()),
        "paper_rate": float((1 / lengths).mean()) if len(lengths) else 0.0,
    }
    times = torch.arange(WARM_UP, noise.shape[1], EVERY[network.cell], device=noise.device)
    # The Jacobian of the step into a state, with the noise of that step.
    before, given = states[:, times - 1].flatten(0, 1), noise[:, times].flatten(0, 1)
    values = spectra(network, before, given).reshape(n_runs, len(times), -1)
    for name, counts in (("critical", critical_pairs(values)), ("unstable", unstable(values))):
        found = per_run((counts > 0).mean(axis=1), rng)
        row |= {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
    hidden = states[:, WARM_UP:, : network.n_units].double().cpu().numpy()
    scores = plane(hidden, N_TURNING).transform(hidden)
    turning = oriented(rotation(scores, rng))
    row |= {"rotation": turning.consistency.value, "turns_per_100": turning.turns.value}
    row["rotation_best"] = best_rotation(scores, rng).consistency.value
    return row


def second_order(network: NoiseDriven, entries: Tensor, noise: Tensor, trials: Tensor) -> Floats:
    """Return the root of the expected second-order effect of noise on each unit's drive (unit).

    Along a trajectory on ``noise``, more noise moves drives by d1 to first order and by d2 to
    second: d1 <- W s d1 + U x and d2 <- W (s d2 + f'' d1^2 / 2), s being the activations' slopes
    and f'' their second derivative. With ``tanh`` that is the Taylor expansion. The second
    derivative of ``relu`` is 0 but for a point; Torre et al. 2025 put 1 where the unit is on, and
    so does this. With ``relu`` it is therefore no term of an expansion but a *surrogate*: the
    variance of what a unit that is on receives, summed along the recursion.

    Parameters
    ----------
    entries : (run, unit), where trajectories start.
    noise : (run, time, noise), with at least as many steps as ``trials``.
    trials : (run * trial, step, noise), run by run.

    Returns
    -------
    the root of the absolute mean over runs and trials, after the last step of ``trials``
    """
    each = len(trials) // len(entries)
    weight, leak = network.recurrent.weight, network.leak
    state = unflatten(entries.repeat_interleave(each, dim=0), network)
    first = second = bent = torch.zeros_like(state[0][0])
    with torch.inference_mode():
        for t in range(trials.shape[1]):
            given = noise[:, t].repeat_interleave(each, dim=0)
            first_drive = first @ weight.T + network.received(trials[:, t])
            bent = second @ weight.T
            drive = network.drive(state, given)
            slope = slopes(network, state[0][0], given)
            curve = slope if network.cell == "relu" else -2 * torch.tanh(drive) * slope
            step = slope * bent + 0.5 * curve * first_drive**2
            second = (1 - leak) * second + leak * step
            first = (1 - leak) * first + leak * slope * first_drive
            state = network.step(state, given)
        bent = second @ weight.T
    term: Floats = bent.double().mean(dim=0).abs().sqrt().cpu().numpy()
    return term


def shown(updates: Sequence[int], turn: float) -> list[int]:
    """Return at most :data:`N_SHOWN` updates to look at: the ends, ``turn`` and between them.

    ``turn`` is the update at which the dynamics change; NaN spreads them evenly.
    """
    first, last = updates[0], updates[-1]
    if np.isnan(turn):
        wanted = np.linspace(first, last, N_SHOWN)
    else:
        before, after = np.linspace(first, turn, 3), np.linspace(turn, last, 4)
        wanted = np.concatenate([before, after[1:]])
    places = np.asarray(updates)
    return sorted({int(places[np.abs(places - w).argmin()]) for w in wanted})


def trajectories(
    network: NoiseDriven,
    checkpoints: Weights,
    updates: Sequence[int],
    informative: Sequence[int],
    generator: torch.Generator,
) -> pd.DataFrame:
    """Return one trajectory of each of ``updates`` in its own plane, on the same noise.

    Axes keep the direction of the checkpoint before.

    Returns
    -------
    one row a step: ``update``, ``time``, ``pc1``, ``pc2``, ``label``; none for a checkpoint whose
    states are not finite.
    """
    noise = draw(network, generator, 1, WARM_UP + N_TRAJECTORY)
    parts, previous = [], None
    for update, then in loaded(network, ((u, w) for u, w in checkpoints if u in set(updates))):
        states, logits = along(then, noise)
        if not torch.isfinite(states).all():
            continue
        hidden = states[0, WARM_UP:, : network.n_units].double().cpu().numpy()
        axes = plane(hidden, 2)
        sign = np.ones(2)
        if previous is not None:
            sign = np.where((axes.components_ * previous).sum(axis=1) < 0, -1.0, 1.0)
        previous = axes.components_ * sign[:, None]
        scores = axes.transform(hidden) * sign
        label = latent(logits[0, WARM_UP:], informative).cpu().numpy()
        time = np.arange(len(scores))
        columns = {"update": update, "time": time, "pc1": scores[:, 0], "pc2": scores[:, 1]}
        parts.append(pd.DataFrame({**columns, "label": label}))
    names = ["update", "time", "pc1", "pc2", "label"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=names)
