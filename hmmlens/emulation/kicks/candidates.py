"""Which units may kick a network out of a label: they rise before it leaves, and push it out.

The sign of a unit's pre-activation is not asked for in clusters: units that kick a network out of
one label are often on while it is in another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hmmlens.dynamics import rollouts
from hmmlens.dynamics.jacobians import has_drive
from hmmlens.dynamics.labels import latent, switches
from hmmlens.dynamics.protocol import unflatten
from hmmlens.dynamics.rollouts import Run
from hmmlens.rnn.noise_driven import Modulation, NoiseDriven
from hmmlens.typing import Floats, Int64s

#: Runs, and steps of each, in which exits are looked for.
N_RUNS, N_STEPS = 96, 400
#: More steps than this before an exit is the cluster, fewer the kick zone, and the last step
#: before it the transition.
CLUSTER = 8
#: By how many standard deviations a candidate's level rises from the cluster to the transition.
RISE = 0.5
#: Steps before an exit in which a replay starts, and steps from it on whose margin counts.
BEFORE, AFTER = 8, 6
#: Exits that are replayed.
MOST_EXITS = 400
#: Candidates that are kept, the first by gradient.
MOST = 24


class Watched(NamedTuple):
    """Runs of an unchanged network.

    run : the runs
    labels : (run, time)
    levels : (run, time - 1, unit), pre-activations of the steps from the second on; what units of
        a cell with gates send out
    """

    run: Run
    labels: Int64s
    levels: Tensor


class Ranked(NamedTuple):
    """Candidates for leaving a label.

    label, to : the label that is left, and for which one (None for any)
    candidates : (candidate), units, by falling gradient, at most ``MOST``
    n_rising : how many units rise
    gradient : (unit), of the margin of the next label's logit, by a factor on the unit
    sent : (unit), what it sends out on average in the cluster
    n_exits : how many exits were replayed
    cluster, kick, transition : (unit), mean levels in the three regions
    """

    label: int
    to: int | None
    candidates: Int64s
    n_rising: int
    gradient: Floats
    sent: Floats
    n_exits: int
    cluster: Floats
    kick: Floats
    transition: Floats


def watch(network: NoiseDriven, informative: Sequence[int], generator: torch.Generator) -> Watched:
    """Run an unchanged network on fresh noise.

    Raises
    ------
    DataError
        When it diverges.
    """
    run = rollouts.drive(network, N_RUNS, N_STEPS, generator)
    return Watched(run, latent(run.logits, informative).cpu().numpy(), _levels(network, run))


def _levels(network: NoiseDriven, run: Run) -> Tensor:
    """Return the levels (run, time, unit), from the second step on."""
    if not has_drive(network):
        return run.states[:, 1:, : network.n_units]
    with torch.inference_mode():
        before = run.states[:, :-1].flatten(0, 1)
        drive = network.drive(unflatten(before, network), run.noise[:, 1:].flatten(0, 1))
    return drive.reshape(len(run.states), -1, network.n_units)


def steps_to_exit(labels: Int64s) -> Int64s:
    """Return how many steps before the next exit each step of ``labels`` (run, time) is.

    1 is the last step of a stay; -1 where the run ends first.
    """
    out = np.full(labels.shape, -1)
    for t in range(labels.shape[1] - 2, -1, -1):
        later = np.where(out[:, t + 1] > 0, out[:, t + 1] + 1, -1)
        out[:, t] = np.where(labels[:, t] != labels[:, t + 1], 1, later)
    return out


def rank(
    network: NoiseDriven,
    watched: Watched,
    informative: Sequence[int],
    label: int,
    to: int | None = None,
) -> Ranked:
    """Return the candidates for leaving ``label``, for label ``to`` or for any.

    Candidates have a higher level in the transition than in the cluster, by more than
    :data:`RISE` standard deviations, and above 0; a unit whose activation is odd (``tanh``, and
    what a gated cell sends out) may do the same below 0. They are ranked by the gradient of the
    margin between the next label's logit and this one's, in the steps after exits that happened,
    by a factor on the unit: on its drive (``relu``), or on how far what it sends out is from its
    mean in the cluster. There are none where fewer than two exits, or no steps in the cluster, were
    seen.
    """
    labels = watched.labels[:, 1:]
    ahead, here = steps_to_exit(watched.labels)[:, 1:], labels == label
    following = np.roll(labels, -1, axis=1)
    leaves = here & (ahead == 1) & ((following == to) if to is not None else True)
    regions = (here & (ahead > CLUSTER), here & (ahead > 1) & (ahead <= CLUSTER), leaves)
    n_units = network.n_units
    means = [_mean(watched.levels, region) for region in regions]
    sent = _mean(watched.run.states[:, 1:, :n_units], regions[0])
    if np.isnan(sent).any():
        gradient, n_exits = np.zeros(n_units), 0
    else:
        gradient, n_exits = replayed_gradient(network, watched, informative, label, sent, to)
    spread = watched.levels.flatten(0, 1).double().std(dim=0).cpu().numpy()
    sign = np.sign(means[2]) if network.cell != "relu" else np.ones(n_units)
    with np.errstate(invalid="ignore"):
        rises = (sign * means[2] > 0) & (sign * (means[2] - means[0]) > RISE * spread)
    rising = np.flatnonzero(rises) if n_exits > 1 else np.array([], dtype=np.int64)
    order = rising[np.argsort(-gradient[rising], kind="stable")]
    return Ranked(label, to, order[:MOST], len(rising), gradient, sent, n_exits, *means)


def _mean(values: Tensor, where: NDArray[np.bool_]) -> Floats:
    """Return the mean (unit) of values (run, time, unit) over some steps; NaN over none."""
    some = values[torch.from_numpy(where).to(values.device)]
    found: Floats = some.double().mean(dim=0).cpu().numpy()
    return found


def replayed_gradient(
    network: NoiseDriven,
    watched: Watched,
    informative: Sequence[int],
    label: int,
    sent: Floats,
    to: int | None = None,
) -> tuple[Floats, int]:
    """Return d margin / d factor (unit), and over how many exits it is the mean; see :func:`rank`.

    Each exit is replayed with its own noise, from ``BEFORE`` steps before it; the margin is that
    of the label it left for over the label it left, over ``AFTER`` steps from the exit on.
    """
    found = switches(watched.labels)
    n_steps = watched.labels.shape[1]
    fits = (found.before == label) & (found.time >= BEFORE) & (found.time + AFTER <= n_steps)
    if to is not None:
        fits &= found.after == to
    # Evenly over all that fit, so that no run counts more than others.
    chosen = np.flatnonzero(fits)
    chosen = chosen[np.linspace(0, len(chosen) - 1, min(MOST_EXITS, len(chosen))).astype(int)]
    if not len(chosen):
        return np.zeros(network.n_units), 0
    run = watched.run
    rows = torch.from_numpy(found.sequence[chosen]).to(run.noise.device)
    times = torch.from_numpy(found.time[chosen]).to(run.noise.device)
    after = torch.tensor(list(informative), device=run.noise.device)[
        torch.from_numpy(found.after[chosen]).to(run.noise.device)
    ]
    # Out of inference mode, in which the runs were made, and in which there are no gradients.
    with torch.inference_mode(False), torch.enable_grad():
        state = unflatten(run.states[rows, times - BEFORE].clone(), network)
        factor = torch.ones(network.n_units, device=after.device, requires_grad=True)
        rest = torch.from_numpy(sent).to(factor)
        margin = torch.zeros((), device=after.device)
        for t in range(1 - BEFORE, AFTER):
            noise = run.noise[rows, times + t].clone()
            if network.cell == "relu":
                state = network.step(state, noise, Modulation(drive=factor))
            else:
                state = network.step(state, noise)
                state = ((rest + factor * (state[0][0] - rest), *state[0][1:]),)
            if t >= 0:
                logits = network.readout(state)
                gained = logits.gather(1, after[:, None])[:, 0] - logits[:, informative[label]]
                margin = margin + gained.mean() / AFTER
        (gradient,) = torch.autograd.grad(margin, factor)
    return gradient.double().cpu().numpy(), len(chosen)
