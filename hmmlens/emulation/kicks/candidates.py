"""Candidate kick units: units whose level rises before a network leaves a label, and that cause it.

The sign of a unit's pre-activation in clusters is not a criterion: units that kick a network out of
one label are often on while it is in another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hmmlens.dynamics import rollouts
from hmmlens.dynamics.jacobians import has_drive
from hmmlens.dynamics.labels import latent, switches
from hmmlens.dynamics.protocol import DrivenNetwork
from hmmlens.dynamics.rollouts import Run
from hmmlens.dynamics.state_vectors import unflatten
from hmmlens.emulation.kicks.settings import DEFAULTS, KickSettings
from hmmlens.rnn.noise_driven import Modulation
from hmmlens.typing import Floats, Int64s

#: Step of the central differences that replace gradients.
STEP = 0.01


class UnperturbedRuns(NamedTuple):
    """Runs of an unperturbed network.

    Attributes
    ----------
    run : Run
    labels : ndarray of shape (run, time)
    levels : Tensor of shape (run, time - 1, unit)
        Pre-activations of the steps from the second on; what units send out where there is not one
        drive per unit.
    """

    run: Run
    labels: Int64s
    levels: Tensor


class Candidates(NamedTuple):
    """Candidates for leaving a label.

    Attributes
    ----------
    label : int
        The label that is left.
    to : int or None
        The label that follows, None for any.
    candidates : ndarray of shape (candidate)
        Units by falling gradient.
    n_rising : int
        Number of units that rise, before the list is cut off.
    gradient : ndarray of shape (unit)
        Derivative of the margin of the next label's logit by a factor on the unit.
    cluster_output : ndarray of shape (unit)
        Mean of what units send out in the cluster.
    n_exits : int
        Exits that were replayed.
    cluster, kick, transition : ndarray of shape (unit)
        Mean levels in the three regions.
    """

    label: int
    to: int | None
    candidates: Int64s
    n_rising: int
    gradient: Floats
    cluster_output: Floats
    n_exits: int
    cluster: Floats
    kick: Floats
    transition: Floats


def record_unperturbed_runs(
    network: DrivenNetwork,
    informative: Sequence[int],
    generator: torch.Generator,
    settings: KickSettings = DEFAULTS,
) -> UnperturbedRuns:
    """Run an unperturbed network on new noise.

    Parameters
    ----------
    network : DrivenNetwork
    informative : sequence of int
        The symbols that distinguish states, see :mod:`hmmlens.dynamics.labels`.
    generator : torch.Generator
    settings : KickSettings

    Returns
    -------
    UnperturbedRuns
        Runs with their labels and levels.

    Raises
    ------
    DataError
        When the network diverges.
    """
    run = rollouts.drive(network, settings.n_runs, settings.n_steps, generator)
    return UnperturbedRuns(
        run, latent(run.logits, informative).cpu().numpy(), _levels(network, run)
    )


def _levels(network: DrivenNetwork, run: Run) -> Tensor:
    """Return the levels (run, time, unit), from the second step on."""
    if not has_drive(network):
        return run.states[:, 1:, : network.n_units]
    with torch.inference_mode():
        before = run.states[:, :-1].flatten(0, 1)
        drive = network.drive(unflatten(before, network), run.noise[:, 1:].flatten(0, 1))
    return drive.reshape(len(run.states), -1, network.n_units)


def steps_to_exit(labels: Int64s) -> Int64s:
    """Return the number of steps from each step to the next exit.

    Parameters
    ----------
    labels : ndarray of shape (run, time)

    Returns
    -------
    ndarray of shape (run, time)
        1 at the last step of a visit; -1 where the run ends first.

    Examples
    --------
    >>> steps_to_exit(np.array([[0, 0, 1, 1, 1]])).tolist()
    [[2, 1, -1, -1, -1]]
    """
    ahead = np.full(labels.shape, -1)
    for t in range(labels.shape[1] - 2, -1, -1):
        later = np.where(ahead[:, t + 1] > 0, ahead[:, t + 1] + 1, -1)
        ahead[:, t] = np.where(labels[:, t] != labels[:, t + 1], 1, later)
    return ahead


def rank_candidates(
    network: DrivenNetwork,
    runs: UnperturbedRuns,
    informative: Sequence[int],
    label: int,
    to: int | None = None,
    settings: KickSettings = DEFAULTS,
) -> Candidates:
    """Return the candidates for leaving a label.

    Candidates have a higher level in the transition than in the cluster, by more than
    ``settings.min_rise`` standard deviations, and above 0; a unit whose activation is odd
    (``tanh``, and what a gated cell sends out) may do the same below 0. They are ranked by the
    gradient of the margin between the next label's logit and this one's, in the steps after exits
    that happened, by a factor on the unit: on its drive (``relu``), or on the difference of what it
    sends out from its mean in the cluster.

    Parameters
    ----------
    network : DrivenNetwork
    runs : UnperturbedRuns
    informative : sequence of int
        The symbols that distinguish states.
    label : int
        The label that is left.
    to : int, optional
        The label that follows; by default any.
    settings : KickSettings

    Returns
    -------
    Candidates
        Without any where the runs have fewer than two exits, or no steps in the cluster.
    """
    labels = runs.labels[:, 1:]
    ahead, here = steps_to_exit(runs.labels)[:, 1:], labels == label
    following = np.roll(labels, -1, axis=1)
    leaves = here & (ahead == 1) & ((following == to) if to is not None else True)
    n_cluster = settings.n_cluster
    regions = (here & (ahead > n_cluster), here & (ahead > 1) & (ahead <= n_cluster), leaves)
    n_units = network.n_units
    means = [_mean(runs.levels, region) for region in regions]
    output = _mean(runs.run.states[:, 1:, :n_units], regions[0])
    if np.isnan(output).any():
        gradient, n_exits = np.zeros(n_units), 0
    else:
        gradient, n_exits = replayed_gradient(
            network, runs, informative, label, output, to, settings
        )
    spread = runs.levels.flatten(0, 1).double().std(dim=0).cpu().numpy()
    is_relu = getattr(network, "cell", None) == "relu"
    sign = np.ones(n_units) if is_relu else np.sign(means[2])
    with np.errstate(invalid="ignore"):
        rises = (sign * means[2] > 0) & (sign * (means[2] - means[0]) > settings.min_rise * spread)
    rising = np.flatnonzero(rises) if n_exits > 1 else np.array([], dtype=np.int64)
    order = rising[np.argsort(-gradient[rising], kind="stable")]
    kept = order[: settings.max_candidates]
    return Candidates(label, to, kept, len(rising), gradient, output, n_exits, *means)


def _mean(values: Tensor, where: NDArray[np.bool_]) -> Floats:
    """Return the mean (unit) of values (run, time, unit) over some steps; NaN over none."""
    some = values[torch.from_numpy(where).to(values.device)]
    mean: Floats = some.double().mean(dim=0).cpu().numpy()
    return mean


def replayed_gradient(
    network: DrivenNetwork,
    runs: UnperturbedRuns,
    informative: Sequence[int],
    label: int,
    cluster_output: Floats,
    to: int | None = None,
    settings: KickSettings = DEFAULTS,
) -> tuple[Floats, int]:
    """Return the gradient by which candidates are ranked, see :func:`rank_candidates`.

    Each exit is replayed with its own noise, from ``settings.n_before`` steps before it; the margin
    is that of the label that followed over the label that was left, over ``settings.n_after`` steps
    from the exit on. Networks that are no torch modules are differentiated by central differences.

    Parameters
    ----------
    network : DrivenNetwork
    runs : UnperturbedRuns
    informative : sequence of int
        The symbols that distinguish states.
    label : int
        The label that is left.
    cluster_output : ndarray of shape (unit)
        Mean of what units send out in the cluster.
    to : int, optional
        The label that follows; by default any.
    settings : KickSettings

    Returns
    -------
    gradient : ndarray of shape (unit)
        Derivative of the margin by the factor on each unit.
    n_exits : int
        Exits over which it is the mean.
    """
    found = switches(runs.labels)
    n_steps, n_before, n_after = runs.labels.shape[1], settings.n_before, settings.n_after
    fits = (found.before == label) & (found.time >= n_before) & (found.time + n_after <= n_steps)
    if to is not None:
        fits &= found.after == to
    # Evenly over all that fit, so that no run counts more than others.
    chosen = np.flatnonzero(fits)
    n_exits = min(settings.max_exits, len(chosen))
    chosen = chosen[np.linspace(0, len(chosen) - 1, n_exits).astype(int)]
    if not len(chosen):
        return np.zeros(network.n_units), 0
    run = runs.run
    rows = torch.from_numpy(found.sequence[chosen]).to(run.noise.device)
    times = torch.from_numpy(found.time[chosen]).to(run.noise.device)
    after = torch.tensor(list(informative), device=run.noise.device)[
        torch.from_numpy(found.after[chosen]).to(run.noise.device)
    ]

    def _margin(factor: Tensor) -> Tensor:
        state = unflatten(run.states[rows, times - n_before].clone(), network)
        rest = torch.from_numpy(cluster_output).to(factor)
        total = torch.zeros((), device=after.device)
        for t in range(1 - n_before, n_after):
            noise = run.noise[rows, times + t].clone()
            if has_drive(network) and network.cell == "relu":
                state = network.step(state, noise, Modulation(drive=factor))
            else:
                state = network.step(state, noise)
                output = rest + factor * (state[0][0] - rest)
                state = ((output, *state[0][1:]), *state[1:])
            if t >= 0:
                logits = network.readout(state)
                gain = logits.gather(1, after[:, None])[:, 0] - logits[:, informative[label]]
                total = total + gain.mean() / n_after
        return total

    gradient_of = _by_autograd if isinstance(network, torch.nn.Module) else _by_differences
    return gradient_of(_margin, torch.ones(network.n_units, device=after.device)), len(chosen)


def _by_autograd(function: Callable[[Tensor], Tensor], at: Tensor) -> Floats:
    # Out of inference mode, in which the runs were made, and in which there are no gradients.
    with torch.inference_mode(False), torch.enable_grad():
        variable = at.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(function(variable), variable)
    values: Floats = gradient.double().cpu().numpy()
    return values


def _by_differences(function: Callable[[Tensor], Tensor], at: Tensor) -> Floats:
    with torch.inference_mode():
        changes = STEP * torch.eye(len(at), device=at.device)
        return np.array([float(function(at + d) - function(at - d)) for d in changes]) / (2 * STEP)
