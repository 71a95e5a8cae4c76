"""The whole reverse engineering of one network: all its tables.

Nothing is chosen by hand for a network: what there is to choose is a constant of the module that
does it. Every stage draws from a seed of its own.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from hmmlens.datasets.synthetic.generators import HMMParameters
from hmmlens.dynamics import fixed_points
from hmmlens.dynamics.rollouts import pick
from hmmlens.emulation.analysis import (
    along_training,
    loss_plateau,
    noise_sensitivity,
    orbits,
    stochastic_resonance,
    subspaces,
)
from hmmlens.emulation.analysis import residency as local
from hmmlens.emulation.analysis.context import (
    N_RUNS,
    Case,
    Tables,
    gathered,
    pairs,
    states,
    thinned,
)
from hmmlens.emulation.analysis.plot_data import pictures
from hmmlens.rnn.noise_driven import NoiseDriven

__all__ = ["pictures", "reverse_engineer"]

#: Starts of the search for fixed points, and states left without noise.
N_STARTS, N_LEFT = 64, 200
#: Runs of the sweep over noise, and their steps.
N_SWEEP_RUNS, N_SWEEP_STEPS = 48, 2000
#: Runs and steps of the orbits' sizes.
N_SIZE_RUNS, N_SIZE_STEPS = 32, 300


def reverse_engineer(
    network: NoiseDriven,
    checkpoints: along_training.Weights | None,
    hmm: HMMParameters,
    seed: int,
    escape: float | None = None,
) -> Tables:
    """Return all tables of a network.

    Parameters
    ----------
    checkpoints : its weights along the training, or None.
    hmm : what it was trained to emulate.
    escape : the update at which the loss left the plateau
    (:class:`~hmmlens.emulation.analysis.loss_plateau.
        Plateau`), with which ``onset`` compares; NaN if it did not, None where it is not known.

    Returns
    -------
    ``fixed_points`` (:func:`~hmmlens.dynamics.fixed_points.table`); ``decay``, one row a state left
    without noise (:class:`~hmmlens.dynamics.fixed_points.Decay`); ``orbits`` and ``sizes``
    (:func:`~hmmlens.emulation.analysis.orbits.summary`, ``sizes``); ``regions``
    (:func:`~hmmlens.emulation.analysis.residency.regions_table`); ``switches``, one row a run
    (:class:`~hmmlens.emulation.analysis.noise_sensitivity.Points`), and ``sensitivity``
    (:func:`~hmmlens.emulation.analysis.noise_sensitivity.sensitivity`); ``readout`` and ``pairs``
    (:mod:`~hmmlens.emulation.analysis.subspaces`); ``homogeneity``, ``noise_sweep`` and
    ``resonance`` (:mod:`~hmmlens.emulation.analysis.stochastic_resonance`); with checkpoints
    ``evolution`` (:func:`~hmmlens.emulation.analysis.along_training.evolution`), ``second_order``
    (``update``, ``unit``, ``term``) and ``onset``, one row for ``critical`` (the bifurcation) and
    one for ``unstable`` (:class:`~hmmlens.emulation.analysis.loss_plateau.Onset`); and ``notes``
    (``stage``, ``note``) of what could not be told.

    Raises
    ------
    DataError
        When the network diverges on its own noise.
    """
    case = Case(network, hmm, seed)
    stages: dict[str, Callable[[], Tables]] = {
        "rest": lambda: rest(case),
        "orbits": lambda: circling(case),
        "residency": lambda: {"regions": local.regions_table(states(case), case.rng("regions"))},
        "sensitivity": lambda: sensitivity(case),
        "readout": lambda: readout(case),
        "pairs": lambda: {"pairs": pairs(case)[0]},
        "resonance": lambda: noise(case),
    }
    if checkpoints is not None:
        kept = thinned(checkpoints)
        stages["evolution"] = lambda: training(case, kept, escape)
    return gathered(stages)


def rest(case: Case) -> Tables:
    """Return ``fixed_points`` and ``decay``."""
    entries, _ = pick(case.run, -(-N_LEFT // N_RUNS), case.generator("left"))
    step = -(-len(entries) // N_STARTS)
    found = fixed_points.find(case.network, entries[::step])
    left = fixed_points.decay(case.network, entries, found)
    tables = {"fixed_points": fixed_points.table(found)}
    if left is None:
        return tables | {"decay": pd.DataFrame(columns=list(fixed_points.Decay._fields))}
    return tables | {"decay": pd.DataFrame(left._asdict())}


def circling(case: Case) -> Tables:
    """Return ``orbits`` and ``sizes``."""
    found, _ = orbits.summary(case.hidden, case.rng("orbits"))
    sized = orbits.sizes(
        case.network, N_SIZE_RUNS, N_SIZE_STEPS, case.generator("sizes"), case.rng("sizes")
    )
    return {"orbits": found, "sizes": sized}


def sensitivity(case: Case) -> Tables:
    """Return ``switches`` and ``sensitivity``; the latter is empty without a usable switch."""
    points = noise_sensitivity.choose(
        case.network, case.run, case.symbols, case.generator("points")
    )
    tables = {"switches": pd.DataFrame(points._asdict()), "sensitivity": pd.DataFrame()}
    if points.usable.any():
        tables["sensitivity"] = noise_sensitivity.sensitivity(
            case.network, case.run, points, case.generator("fresh"), case.rng("sensitivity")
        )
    return tables


def readout(case: Case) -> Tables:
    """Return ``readout``, see :func:`hmmlens.emulation.analysis.subspaces.projections`."""
    weight = case.network.out.weight.detach().cpu().numpy()
    return {
        "readout": subspaces.projections(case.hidden, weight, case.symbols, case.rng("readout"))
    }


def noise(case: Case) -> Tables:
    """Return ``homogeneity``, ``noise_sweep`` and ``resonance``."""
    n_labels = len(case.symbols)
    exact = stochastic_resonance.homogeneity(
        case.network, case.symbols, case.generator("homogeneity")
    )
    labels = stochastic_resonance.labels_at(
        case.network, case.symbols, N_SWEEP_RUNS, N_SWEEP_STEPS, case.generator("sweep")
    )
    return {
        "homogeneity": exact,
        "noise_sweep": stochastic_resonance.sweep(labels, n_labels, case.rng("sweep")),
        "resonance": stochastic_resonance.resonance(labels, n_labels, case.rng("resonance")),
    }


def training(case: Case, kept: along_training.Weights, escape: float | None) -> Tables:
    """Return ``evolution``, ``second_order`` and ``onset``."""
    table, terms = along_training.evolution(
        case.network, kept, case.symbols, case.generator("evolution"), case.rng("evolution")
    )
    n_checkpoints, n_units = terms.shape
    long = pd.DataFrame(
        {
            "update": table["update"].to_numpy().repeat(n_units),
            "unit": np.tile(np.arange(n_units), n_checkpoints),
            "term": terms.ravel(),
        }
    ).dropna()
    rises = [
        {"measure": name, **loss_plateau.onset(table, name, escape)._asdict()}
        for name in ("critical", "unstable")
    ]
    return {"evolution": table, "second_order": long, "onset": pd.DataFrame(rises)}
