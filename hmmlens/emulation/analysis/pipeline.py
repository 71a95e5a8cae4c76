"""The whole reverse engineering of one network: all its tables.

Nothing is chosen by hand for a network: all choices are settings, which are the same for all
networks. Every stage has a seed of its own.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from hmmlens.datasets.synthetic.generators import HMMParameters
from hmmlens.dynamics import fixed_points
from hmmlens.dynamics.rollouts import sample_states
from hmmlens.emulation.analysis import (
    along_training,
    noise_sensitivity,
    orbits,
    stochastic_resonance,
    subspaces,
)
from hmmlens.emulation.analysis import residency as local
from hmmlens.emulation.analysis.context import (
    Context,
    Tables,
    gathered,
    pairs,
    states,
    switch_points,
    thinned,
)
from hmmlens.emulation.analysis.plateau import detection
from hmmlens.emulation.analysis.plot_data import pictures
from hmmlens.emulation.analysis.settings import ReverseSettings
from hmmlens.rnn.noise_driven import NoiseDriven

__all__ = ["ReverseSettings", "pictures", "reverse_engineer"]


def reverse_engineer(
    network: NoiseDriven,
    checkpoints: along_training.Weights | None,
    hmm: HMMParameters,
    seed: int,
    escape: float | None = None,
    settings: ReverseSettings = ReverseSettings(),  # noqa: B008
) -> Tables:
    """Return all tables of a network.

    Parameters
    ----------
    network : NoiseDriven
        The network.
    checkpoints : iterable of (int, mapping) or None
        Updates of its training and the weights after them.
    hmm : HMMParameters
        The target that it was trained to emulate.
    seed : int
        Seed of all stages.
    escape : float or None
        The update at which the loss left the plateau
        (:class:`~hmmlens.emulation.analysis.plateau.detection.Plateau`), with which ``onset``
        compares; NaN if it did not, None where it is not known.
    settings : ReverseSettings
        Settings of all stages.

    Returns
    -------
    dict of str to DataFrame
        ``fixed_points`` (:func:`~hmmlens.dynamics.fixed_points.table`); ``decay``, one row per
        state that runs without noise (:class:`~hmmlens.dynamics.fixed_points.Decay`); ``orbits``
        and ``sizes`` (:func:`~hmmlens.emulation.analysis.orbits.summary`, ``sizes``); ``regions``
        (:func:`~hmmlens.emulation.analysis.residency.regions_table`); ``switches``, one row per run
        (:class:`~hmmlens.emulation.analysis.noise_sensitivity.Points`), and ``sensitivity``
        (:func:`~hmmlens.emulation.analysis.noise_sensitivity.sensitivity`); ``readout`` and
        ``pairs`` (:mod:`~hmmlens.emulation.analysis.subspaces`); ``homogeneity``, ``noise_sweep``
        and ``resonance`` (:mod:`~hmmlens.emulation.analysis.stochastic_resonance`); with
        checkpoints ``evolution`` (:func:`~hmmlens.emulation.analysis.along_training.evolution`),
        ``second_order`` (``update``, ``unit``, ``term``) and ``onset``, one row for ``critical``
        (the bifurcation) and one for ``unstable``
        (:class:`~hmmlens.emulation.analysis.plateau.detection.Onset`); and ``notes`` (``stage``,
        ``note``) of stages without a result.

    Raises
    ------
    DataError
        When the network diverges on its own noise.
    """
    context = Context(network, hmm, seed, settings)
    stages: dict[str, Callable[[], Tables]] = {
        "rest": lambda: fixed_point_tables(context),
        "orbits": lambda: orbit_tables(context),
        "residency": lambda: {
            "regions": local.regions_table(states(context), context.rng("regions"))
        },
        "sensitivity": lambda: sensitivity_tables(context),
        "readout": lambda: readout_table(context),
        "pairs": lambda: {"pairs": pairs(context)[0]},
        "resonance": lambda: resonance_tables(context),
    }
    if checkpoints is not None:
        kept = thinned(checkpoints, settings.max_checkpoints)
        stages["evolution"] = lambda: evolution_tables(context, kept, escape)
    return gathered(stages)


def fixed_point_tables(context: Context) -> Tables:
    """Return ``fixed_points`` and ``decay``.

    Parameters
    ----------
    context : Context
        The network.

    Returns
    -------
    dict of str to DataFrame
        The tables.
    """
    settings = context.settings
    n_each = -(-settings.n_decaying // settings.n_runs)
    entries, _ = sample_states(context.run, n_each, context.generator("left"))
    step = -(-len(entries) // settings.n_starts)
    points = fixed_points.find(context.network, entries[::step], settings.fixed_points)
    decay = fixed_points.decay(context.network, entries, points, settings.fixed_points)
    tables = {"fixed_points": fixed_points.table(points)}
    if decay is None:
        return tables | {"decay": pd.DataFrame(columns=list(fixed_points.Decay._fields))}
    return tables | {"decay": pd.DataFrame(decay._asdict())}


def orbit_tables(context: Context) -> Tables:
    """Return ``orbits`` and ``sizes``.

    Parameters
    ----------
    context : Context
        The network.

    Returns
    -------
    dict of str to DataFrame
        The tables.
    """
    settings = context.settings.orbits
    table, _ = orbits.summary(context.hidden, context.rng("orbits"), settings)
    sizes = orbits.sizes(
        context.network, context.generator("sizes"), context.rng("sizes"), settings
    )
    return {"orbits": table, "sizes": sizes}


def sensitivity_tables(context: Context) -> Tables:
    """Return ``switches`` and ``sensitivity``; the latter is empty without a usable switch.

    Parameters
    ----------
    context : Context
        The network.

    Returns
    -------
    dict of str to DataFrame
        The tables.
    """
    points = switch_points(context)
    tables = {"switches": pd.DataFrame(points._asdict()), "sensitivity": pd.DataFrame()}
    if points.usable.any():
        tables["sensitivity"] = noise_sensitivity.sensitivity(
            context.network,
            context.run,
            points,
            context.generator("fresh"),
            context.rng("sensitivity"),
            context.settings.sensitivity,
        )
    return tables


def readout_table(context: Context) -> Tables:
    """Return ``readout``, see :func:`hmmlens.emulation.analysis.subspaces.projections`.

    Parameters
    ----------
    context : Context
        The network.

    Returns
    -------
    dict of str to DataFrame
        The table.
    """
    weight = context.network.out.weight.detach().cpu().numpy()
    table = subspaces.projections(
        context.hidden,
        weight,
        context.symbols,
        context.rng("readout"),
        context.settings.subspaces,
    )
    return {"readout": table}


def resonance_tables(context: Context) -> Tables:
    """Return ``homogeneity``, ``noise_sweep`` and ``resonance``.

    Parameters
    ----------
    context : Context
        The network.

    Returns
    -------
    dict of str to DataFrame
        The tables.
    """
    n_labels, settings = len(context.symbols), context.settings.resonance
    exact = stochastic_resonance.homogeneity(
        context.network, context.symbols, context.generator("homogeneity"), settings
    )
    labels = stochastic_resonance.labels_at(
        context.network, context.symbols, context.generator("sweep"), settings
    )
    return {
        "homogeneity": exact,
        "noise_sweep": stochastic_resonance.sweep(labels, n_labels, context.rng("sweep"), settings),
        "resonance": stochastic_resonance.resonance(
            labels, n_labels, context.rng("resonance"), settings
        ),
    }


def evolution_tables(
    context: Context, kept: along_training.Weights, escape: float | None
) -> Tables:
    """Return ``evolution``, ``second_order`` and ``onset``.

    Parameters
    ----------
    context : Context
        The network.
    kept : iterable of (int, mapping)
        Updates of its training and the weights after them.
    escape : float or None
        See :func:`reverse_engineer`.

    Returns
    -------
    dict of str to DataFrame
        The tables.
    """
    settings = context.settings
    table, terms = along_training.evolution(
        context.network,
        kept,
        context.symbols,
        context.generator("evolution"),
        context.rng("evolution"),
        settings.evolution,
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
        {"measure": name, **detection.onset(table, name, escape, settings.onset)._asdict()}
        for name in ("critical", "unstable")
    ]
    return {"evolution": table, "second_order": long, "onset": pd.DataFrame(rises)}
