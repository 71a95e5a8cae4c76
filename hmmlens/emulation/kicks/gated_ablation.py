"""Ablation of the kick units of each label only while that label lasts.

The outcome is the rate of all switches, not the first exit alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from hmmlens.dynamics import rollouts
from hmmlens.dynamics.labels import latent
from hmmlens.dynamics.protocol import DrivenNetwork
from hmmlens.dynamics.state_vectors import unflatten
from hmmlens.emulation.interventions import (
    Ablation,
    Intervention,
    ablate_copies,
    noise_input,
    unit_masks,
)
from hmmlens.emulation.kicks.first_exits import N_ROWS
from hmmlens.emulation.kicks.intervention_tests import Comparison
from hmmlens.emulation.kicks.settings import DEFAULTS, KickSettings
from hmmlens.errors import DataError
from hmmlens.stats.bootstrap import estimate
from hmmlens.stats.surrogates import p_value
from hmmlens.typing import Floats, Int64s


def count_gated_switches(
    network: DrivenNetwork,
    intervention: Intervention,
    n_copies: int,
    informative: Sequence[int],
    generator: torch.Generator,
    settings: KickSettings = DEFAULTS,
    n_rows: int = N_ROWS,
) -> Floats:
    """Return how often the label changes when each copy is changed as its current label asks for.

    All copies start from the same visited states and receive the same noise.

    Parameters
    ----------
    network : DrivenNetwork
    intervention : callable
        One copy for each pair of a copy and a label, in that order.
    n_copies : int
    informative : sequence of int
        The symbols that distinguish states.
    generator : torch.Generator
    settings : KickSettings
    n_rows : int
        Rows that run at once; a matter of speed alone.

    Returns
    -------
    ndarray of shape (copy, run)
        Switches in ``settings.n_gated_steps`` steps; NaN where a run diverged.
    """
    n_runs, n_steps = settings.n_gated_runs, settings.n_gated_steps
    states = rollouts.drive(network, n_runs, 1, generator).states[:, 0]
    noise = rollouts.sample_noise(network, generator, n_steps, n_runs)
    n_labels, counts = len(informative), []
    with torch.inference_mode():
        given = noise_input(network, noise)
        for copies in torch.arange(n_copies, device=states.device).split(max(1, n_rows // n_runs)):
            state = unflatten(states.repeat(len(copies), 1), network)
            copy = copies.repeat_interleave(n_runs)
            label = latent(network.readout(state), informative)
            count = torch.zeros(label.shape, device=label.device)
            for t in range(n_steps):
                step = intervention(copy * n_labels + label)
                state = step(state, given[t].repeat(len(copies), 1))
                now = latent(network.readout(state), informative)
                count += now != label
                label = now
            count[~network.readout(state).isfinite().all(dim=1)] = torch.nan
            counts.append(count.reshape(len(copies), n_runs))
    return torch.cat(counts).double().cpu().numpy()


def compare_gated_ablation(
    network: DrivenNetwork,
    groups: Sequence[Int64s],
    sets: Sequence[Int64s],
    ablations: Sequence[Ablation],
    informative: Sequence[int],
    generator: torch.Generator,
    rng: np.random.Generator,
    settings: KickSettings = DEFAULTS,
) -> Comparison:
    """Compare ablation of all groups, each while its label lasts, with that of sets.

    The outcome is the rate of all switches.

    Parameters
    ----------
    network : DrivenNetwork
    groups : sequence of ndarray of shape (unit)
        One for each label.
    sets : sequence of ndarray of shape (set, unit)
        For each label; the first sets of all labels are ablated together, and so on.
    ablations : sequence of Ablation
        For each label, all of the same mode.
    informative : sequence of int
        The symbols that distinguish states.
    generator : torch.Generator
    rng : numpy.random.Generator
    settings : KickSettings

    Returns
    -------
    Comparison
        Sets whose ablation makes the network diverge are no part of the null.

    Raises
    ------
    DataError
        When the network never changes its label, or diverges when the groups are ablated.
    """
    n_copies = 2 + len(sets[0])
    masks = np.zeros((n_copies, len(groups), network.n_units), dtype=bool)
    for label, (units, others) in enumerate(zip(groups, sets, strict=True)):
        masks[1, label, units] = True
        masks[2:, label] = unit_masks(others, network.n_units)
    values = np.tile(np.stack([ablation.value for ablation in ablations]), (n_copies, 1))
    ablation = Ablation(ablations[0].mode, values)
    intervention = ablate_copies(network, masks.reshape(len(values), -1), ablation)
    counts = count_gated_switches(network, intervention, n_copies, informative, generator, settings)
    if np.isnan(counts[:2]).any():
        raise DataError("the network leaves all bounds without its kick units")
    if not counts[0].any():
        raise DataError("the network never changes its label, so nothing can lower how often")

    def _share(sums: Floats) -> float:
        return float(1 - sums[1] / sums[0]) if sums[0] else np.nan

    effect = estimate(counts[:2].T, _share, settings.n_bootstrap, rng)
    null = 1 - counts[2:].sum(axis=1) / counts[0].sum()
    null = null[~np.isnan(null)]
    return Comparison(effect, null, p_value(effect.value, null))
