"""Change of a network's dynamics along its training, all checkpoints on the same noise.

Measures of Torre et al. 2025: how often the output switches, how many steps have a critical pair
of eigenvalues or an unstable one, and the expected second-order effect of noise.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from hmmlens.dynamics.jacobians import critical_pairs, has_drive, slopes, spectra, unstable
from hmmlens.dynamics.labels import dwells, latent, switching_rate
from hmmlens.dynamics.rollouts import WARM_UP, rollout, sample_noise
from hmmlens.dynamics.state_vectors import unflatten
from hmmlens.emulation.analysis.orbits import OrbitSettings, plane
from hmmlens.emulation.analysis.rotation import best_rotation, oriented, rotation
from hmmlens.rnn.noise_driven import NoiseDriven
from hmmlens.stats.ratios import per_run
from hmmlens.typing import Floats

Network = TypeVar("Network", bound=torch.nn.Module)
#: Updates with the weights after them, such as ``hmmlens.emulation.checkpoints.Checkpoints``;
#: iterated several times.
Weights = Iterable[tuple[int, Mapping[str, Tensor]]]


@dataclass(frozen=True)
class EvolutionSettings:
    """Settings of the measures along a training.

    Attributes
    ----------
    n_runs, n_steps : int
        Runs of each checkpoint, and their steps.
    every : mapping of str to int
        Steps between Jacobians, by cell: a ``relu`` network's eigenvalues are those of its active
        units, an LSTM's Jacobian has twice as many entries on a side.
    n_trials, n_recursions : int
        Trials and steps of the second-order recursion.
    n_shown, n_trajectory : int
        Number of trajectories for figures, and their steps.
    orbits : OrbitSettings
        Settings of the rotation in each checkpoint's own planes.
    """

    n_runs: int = 20
    n_steps: int = 240
    every: Mapping[str, int] = field(
        default_factory=lambda: {"relu": 12, "tanh": 40, "gru": 40, "lstm": 80}
    )
    n_trials: int = 20
    n_recursions: int = 10
    n_shown: int = 6
    n_trajectory: int = 700
    orbits: OrbitSettings = OrbitSettings()  # noqa: RUF009


COLUMNS = [
    "update", "finite", "largest", "switching_rate", "paper_rate", "critical", "critical_low",
    "critical_high", "unstable", "unstable_low", "unstable_high", "rotation", "turns_per_100",
    "rotation_best", "second_order",
]  # fmt: skip


def loaded(network: Network, checkpoints: Weights) -> Iterator[tuple[int, Network]]:
    """Yield each update and the network at that update; the same object, with other weights.

    Parameters
    ----------
    network : torch.nn.Module
        The trained network, which is not changed.
    checkpoints : iterable of (int, mapping)
        Updates and the weights after them.

    Yields
    ------
    update : int
        The update.
    network : torch.nn.Module
        The network with its weights.
    """
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
    settings: EvolutionSettings = EvolutionSettings(),
) -> tuple[pd.DataFrame, Floats]:
    """Measure every checkpoint on the same noise.

    Parameters
    ----------
    network : NoiseDriven
        The trained network.
    checkpoints : iterable of (int, mapping)
        Updates and the weights after them.
    informative : sequence of int
        Symbols that distinguish states, see :func:`hmmlens.dynamics.labels.informative`.
    generator : torch.Generator
        Source of the noise.
    rng : numpy.random.Generator
        Source of the resamples of runs.
    settings : EvolutionSettings
        Numbers of runs and steps.

    Returns
    -------
    table : DataFrame
        One row per checkpoint. ``update``; ``finite``, whether all states are, else the other
        measures are NaN; ``largest`` size of a unit; ``switching_rate`` of the latent label per
        step; ``paper_rate``, mean of 1 / steps between changes of the most likely of *all* symbols,
        the paper's transition rate; ``critical`` and ``unstable``, shares of steps with a critical
        pair or an unstable eigenvalue, with ``_low`` and ``_high`` over runs; ``rotation``,
        ``turns_per_100`` and ``rotation_best`` in the checkpoint's own planes (see
        :func:`hmmlens.emulation.analysis.orbits.summary`); ``second_order``, root mean square over
        units of the result of :func:`second_order` (NaN for cells without pre-activations).
    terms : ndarray of shape (checkpoint, unit)
        The second-order terms.
    """
    n_runs = settings.n_runs
    noise = sample_noise(network, generator, n_runs, WARM_UP + settings.n_steps)
    trials = sample_noise(network, generator, n_runs * settings.n_trials, settings.n_recursions)
    rows, terms = [], []
    for update, then in loaded(network, checkpoints):
        states, logits = rollout(then, noise)
        row: dict[str, float | bool] = {"update": update}
        row["largest"] = float(states.abs().amax())
        row["finite"] = bool(torch.isfinite(states).all())
        term = np.full(network.n_units, np.nan)
        if row["finite"]:
            row |= _measures(then, noise, states, logits, informative, rng, settings)
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
    settings: EvolutionSettings,
) -> dict[str, float | bool]:
    n_runs = len(states)
    outputs = logits[:, WARM_UP:]
    lengths = dwells(outputs.argmax(dim=2).cpu().numpy()).length
    row: dict[str, float | bool] = {
        "switching_rate": switching_rate(latent(outputs, informative).cpu().numpy()),
        "paper_rate": float((1 / lengths).mean()) if len(lengths) else 0.0,
    }
    every = settings.every[network.cell]
    times = torch.arange(WARM_UP, noise.shape[1], every, device=noise.device)
    # The Jacobian of the step into a state, with the noise of that step.
    before, given = states[:, times - 1].flatten(0, 1), noise[:, times].flatten(0, 1)
    values = spectra(network, before, given).reshape(n_runs, len(times), -1)
    for name, counts in (("critical", critical_pairs(values)), ("unstable", unstable(values))):
        share = per_run((counts > 0).mean(axis=1), rng)
        row |= {name: share.value, f"{name}_low": share.low, f"{name}_high": share.high}
    hidden = states[:, WARM_UP:, : network.n_units].double().cpu().numpy()
    axes = plane(hidden, settings.orbits.n_rotating, settings.orbits.most_states)
    scores = axes.transform(hidden)
    turning = oriented(rotation(scores, rng))
    row |= {"rotation": turning.consistency.value, "turns_per_100": turning.turns.value}
    row["rotation_best"] = best_rotation(scores, rng).consistency.value
    return row


def second_order(network: NoiseDriven, entries: Tensor, noise: Tensor, trials: Tensor) -> Floats:
    """Return the root of the expected second-order effect of noise on each pre-activation.

    Along a trajectory on ``noise``, more noise changes pre-activations by d1 to first order and by
    d2 to second: d1 <- W s d1 + U x and d2 <- W (s d2 + f'' d1^2 / 2), s being the activations'
    slopes and f'' their second derivative. With ``tanh`` that is the Taylor expansion. The second
    derivative of ``relu`` is 0 but for a point; Torre et al. 2025 put 1 where the unit is on, and
    so does this. With ``relu`` it is therefore no term of an expansion but a *surrogate*: the
    variance of the input of a unit that is on, summed along the recursion.

    Parameters
    ----------
    network : NoiseDriven
        A network with ``relu`` or ``tanh`` units.
    entries : Tensor of shape (run, unit)
        Initial states of the trajectories.
    noise : Tensor of shape (run, time, noise)
        Noise of the trajectories, with at least as many steps as ``trials``.
    trials : Tensor of shape (run * trial, step, noise)
        Additional noise, run by run.

    Returns
    -------
    ndarray of shape (unit)
        The root of the absolute mean over runs and trials, after the last step of ``trials``.
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


def shown(
    updates: Sequence[int], turn: float, n_shown: int = EvolutionSettings.n_shown
) -> list[int]:
    """Return updates for a figure: the ends, the turning point and between them.

    Parameters
    ----------
    updates : sequence of int
        Updates of the checkpoints, in order.
    turn : float
        The update at which the dynamics change; NaN spreads the updates evenly.
    n_shown : int
        Number of updates, at most, and at least three.

    Returns
    -------
    list of int
        Some of ``updates``.
    """
    first, last = updates[0], updates[-1]
    if np.isnan(turn):
        wanted = np.linspace(first, last, n_shown)
    else:
        n_before = n_shown // 2
        before = np.linspace(first, turn, n_before)
        after = np.linspace(turn, last, n_shown + 1 - n_before)
        wanted = np.concatenate([before, after[1:]])
    places = np.asarray(updates)
    return sorted({int(places[np.abs(places - w).argmin()]) for w in wanted})


def trajectories(
    network: NoiseDriven,
    checkpoints: Weights,
    updates: Sequence[int],
    informative: Sequence[int],
    generator: torch.Generator,
    settings: EvolutionSettings = EvolutionSettings(),
) -> pd.DataFrame:
    """Return one trajectory of each of some checkpoints in its own plane, on the same noise.

    Axes keep the direction of the checkpoint before.

    Parameters
    ----------
    network : NoiseDriven
        The trained network.
    checkpoints : iterable of (int, mapping)
        Updates and the weights after them.
    updates : sequence of int
        Updates of the checkpoints to run.
    informative : sequence of int
        Symbols that distinguish states, see :func:`hmmlens.dynamics.labels.informative`.
    generator : torch.Generator
        Source of the noise.
    settings : EvolutionSettings
        Number of steps.

    Returns
    -------
    DataFrame
        One row per step: ``update``, ``time``, ``pc1``, ``pc2``, ``label``; none for a checkpoint
        whose states are not finite.
    """
    noise = sample_noise(network, generator, 1, WARM_UP + settings.n_trajectory)
    parts, previous = [], None
    for update, then in loaded(network, ((u, w) for u, w in checkpoints if u in set(updates))):
        states, logits = rollout(then, noise)
        if not torch.isfinite(states).all():
            continue
        hidden = states[0, WARM_UP:, : network.n_units].double().cpu().numpy()
        axes = plane(hidden, 2, settings.orbits.most_states)
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
