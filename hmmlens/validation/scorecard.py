"""Score every model of a sweep by the network's output and, where it is known, the truth."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from hmmlens.hmm import selection, storage
from hmmlens.interpretation.state_probabilities import knows_inputs
from hmmlens.naming import LAGGED_REDUCER, RAW_REDUCER
from hmmlens.ragged import steps_inside
from hmmlens.stats.agreement import QUICK, agreement, bootstrap, rand_index
from hmmlens.stats.permutation import ONE_LABEL, agreement_test, comparable, constant_within
from hmmlens.stats.ties import first_best
from hmmlens.validation.network_outputs import Network
from hmmlens.validation.restarts import most_faithful_restart

log = logging.getLogger(__name__)

#: The names under which hidden Markov models of the inputs, without and with those of earlier
#: steps, stand among the reducers.
RAW_INPUT, LAGGED_INPUT = RAW_REDUCER, LAGGED_REDUCER
CONTROLS = (RAW_INPUT, LAGGED_INPUT)

#: Name among the choices of the model that is explained.
EXPLAINED = "explained"

#: The ``reduced`` and the ``sweep`` store of one reduction.
Stores = tuple[xr.Dataset, xr.Dataset]


def score_sweep(
    network: Network,
    observed: NDArray[np.generic],
    sweep: xr.Dataset,
    n_bootstrap: int,
    seed: int,
    tolerance: float = 0.0,
) -> pd.DataFrame:
    """Return the scores of every model of a sweep, each by its most faithful restart.

    States are known by filtering: no score looks ahead. Where futures certify states, models with
    as many have the certified states and follow them through their transitions given the input; all
    other models average over inputs. The mean output of a state is learnt on the
    train split; fidelity is measured on select and test, agreement on test.

    Parameters
    ----------
    network : Network
        Outputs and truth.
    observed : ndarray of shape (sequence, time, component) or (sequence, time)
        Reduced activations, or symbols.
    sweep : Dataset
        The stored sweep.
    n_bootstrap : int
        Number of resamples, and largest number of rearranged truths.
    seed : int
        Seed of the resamples.
    tolerance : float, optional
        See :func:`hmmlens.validation.restarts.most_faithful_restart`.

    Returns
    -------
    DataFrame
        One row per model: ``covariance_type, n_states``; ``restart, log_likelihood``, which of the
        restarts it is and its log-likelihood on train, missing for the certified states;
        ``best_log_likelihood``, that of the most likely restart, by which criteria choose;
        ``given_input``, whether its transitions are given the input; ``fidelity_select,
        fidelity_test``; where
        futures certify states, ``certified_ari``, the agreement with them outside test; and, where
        the truth is known, the scores of :mod:`hmmlens.stats.agreement`, those that are quick with
        ``_low`` and ``_high``; at the true number of states also ``shift_p``, how often a
        rearranged truth agrees as well (ARI, at most ``n_bootstrap`` rearrangements), ``null``, how
        it was rearranged, and ``null_units``, how many independent observations that leaves (see
        :func:`hmmlens.stats.permutation.agreement_test`). Where no test is possible, ``null`` holds
        the reason, and ``shift_p`` is NaN. Where the truth has one label on test, there are no such
        scores, and ``null`` states it. Where the truth is constant within groups, intervals
        resample groups.
    """
    inside = steps_inside(network.length, *network.distribution.shape[:2])
    test = network.split == 2
    known = np.where(inside, network.truth, -1)
    truth, n_truth = known[test], int(known.max()) + 1
    group = None if network.group is None else network.group[test]
    unit = group if group is not None and constant_within(truth, group) else None
    results = storage.results(sweep).set_index(storage.INDEX)["log_likelihood"]
    rows = []
    for fitted in selection.best_restarts(storage.results(sweep)).itertuples():
        task = fitted.covariance_type, fitted.n_states
        reading = most_faithful_restart(network, observed, sweep, *task, tolerance)
        posteriors = reading.posteriors
        read = np.nan if reading.restart is None else results[*task, reading.restart]
        row: dict[str, Any] = {
            "covariance_type": fitted.covariance_type,
            "n_states": fitted.n_states,
            "restart": pd.NA if reading.restart is None else reading.restart,
            "log_likelihood": read,
            "best_log_likelihood": fitted.log_likelihood,
            "given_input": knows_inputs(reading.model, network.input_transmat),
            "fidelity_select": reading.fidelity_select,
            "fidelity_test": reading.fidelity_test,
        }
        if network.certified is not None:
            path = np.where(inside, posteriors.argmax(axis=2), -1)[~test]
            row["certified_ari"] = rand_index(network.certified.classes[~test], path)
        if (truth >= 0).any() and not comparable(truth):
            row["null"] = ONE_LABEL
        elif (truth >= 0).any():
            found = np.where(inside[test], posteriors[test].argmax(axis=2), -1)
            row |= agreement(truth, found)
            rng = np.random.default_rng(seed)
            for name, limits in bootstrap(truth, found, n_bootstrap, rng, QUICK, unit).items():
                row[f"{name}_low"], row[f"{name}_high"] = limits
            if fitted.n_states == n_truth:
                of_chance = agreement_test(
                    truth, found, network.length[test], rand_index, n_bootstrap, rng, group
                )
                row["shift_p"], row["null_units"] = of_chance.p, of_chance.n_units
                row["null"] = of_chance.description
        rows.append(row)
    return pd.DataFrame(rows).astype({"restart": "Int64"})


def score_layer(
    network: Network,
    stores: Mapping[str, Stores],
    n_bootstrap: int,
    seed: int,
    criterion: str,
    tolerance: float,
    controls: Mapping[str, Mapping[str, Stores]] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the scores of every model of one layer, and :func:`choices` among them.

    Parameters
    ----------
    network : Network
        Outputs and truth.
    stores : mapping of str to tuple of Dataset
        Reducer -> its ``reduced`` and its ``sweep`` store.
    n_bootstrap, seed : int
        See :func:`score_sweep`.
    criterion : str
        See :func:`choices`.
    tolerance : float
        See :func:`choices`.
    controls : mapping of str to mapping, optional
        One of :data:`CONTROLS` -> its reductions -> their stores. The reduction is chosen as that
        of the network is, and stands in the column ``reduction``, which for the network's own
        reducers repeats their names.

    Returns
    -------
    scores, choices : DataFrame
        See :func:`score_sweep` and :func:`choices`.
    """
    named = {reducer: reducer for reducer in stores}
    picked = dict(stores)
    for control, variants in (controls or {}).items():
        named[control] = most_faithful(network, variants, criterion, tolerance)
        picked[control] = variants[named[control]]
    tables = []
    for reducer, (reduced, sweep) in picked.items():
        # What a control models are inputs, and transitions of the network's states none of its.
        scored = network._replace(input_transmat=None) if reducer in CONTROLS else network
        values = reduced["reduced"].to_numpy()
        scores = score_sweep(scored, values, sweep, n_bootstrap, seed, tolerance)
        scores.insert(0, "reducer", reducer)
        scores["reduction"] = named[reducer]
        tables.append(scores)
    scores = pd.concat(tables, ignore_index=True)
    sweeps = {reducer: sweep for reducer, (_, sweep) in picked.items()}
    exploratory = {r: bool(reduced.attrs["exploratory"]) for r, (reduced, _) in picked.items()}
    n_certified = network.certified.n_states if network.certified is not None else None
    return scores, choices(scores, sweeps, exploratory, criterion, tolerance, n_certified)


def most_faithful(
    network: Network, variants: Mapping[str, Stores], criterion: str, tolerance: float = 0.0
) -> str:
    """Return the reduction whose model, chosen by a criterion, is most faithful on select.

    Parameters
    ----------
    network : Network
        Outputs and truth.
    variants : mapping of str to tuple of Dataset
        Reduction -> its ``reduced`` and its ``sweep`` store.
    criterion : str
        See :func:`choices`.
    tolerance : float, optional
        See :func:`hmmlens.validation.restarts.most_faithful_restart`.

    Returns
    -------
    str
        Name of the reduction.
    """
    found = {}
    for name, (reduced, sweep) in variants.items():
        choice = selection.choose(storage.results(sweep), criterion)
        found[name] = most_faithful_restart(
            network._replace(input_transmat=None),
            reduced["reduced"].to_numpy(),
            sweep,
            choice.covariance_type,
            choice.n_states,
            tolerance,
        ).fidelity_select
    return max(found, key=lambda name: np.nan_to_num(found[name], nan=-np.inf))


def choices(
    scores: pd.DataFrame,
    sweeps: dict[str, xr.Dataset],
    exploratory: dict[str, bool],
    criterion: str,
    tolerance: float,
    n_certified: int | None = None,
) -> pd.DataFrame:
    """Choose two models for each reducer, and one reducer.

    ``criterion`` chooses within one reducer's sweep, where likelihoods can be compared. The other
    one is the model that is explained. Where futures certify states, it has as many, and the
    covariance type and the reducer with which its states agree best with them. Elsewhere it is the
    smallest model whose fidelity on select is within ``tolerance`` of the sweep's best, and the
    reducer is the one whose criterion's model is most faithful on select. Exploratory reducers and
    the controls on the inputs take no part.

    Parameters
    ----------
    scores : DataFrame
        Rows of :func:`score_sweep`, with ``reducer``.
    sweeps : dict of str to Dataset
        Reducer -> stored sweep.
    exploratory : dict of str to bool
        Whether each reducer is exploratory.
    criterion : str
        ``bic``, ``aic`` or ``held_out``.
    tolerance : float
        Largest difference from the best fidelity.
    n_certified : int, optional
        Number of states that futures certify.

    Returns
    -------
    DataFrame
        Two rows per reducer, ``pick`` being the criterion's name and ``explained``: ``reducer,
        exploratory, chosen_reducer, pick, covariance_type, n_states, at_edge, sentence`` and the
        scores of that model.
    """
    rows = []
    for reducer, sweep in sweeps.items():
        table = scores[scores["reducer"] == reducer].reset_index(drop=True)
        choice = selection.choose(storage.results(sweep), criterion)
        n_states, kind, words = _explained(table, n_certified, tolerance)
        common = {"reducer": reducer, "exploratory": exploratory[reducer]}
        rows.append(
            common
            | {"pick": criterion, "covariance_type": choice.covariance_type}
            | {"n_states": choice.n_states, "at_edge": choice.at_edge}
            | {"sentence": choice.sentence}
        )
        rows.append(
            common
            | {"pick": EXPLAINED, "covariance_type": kind, "n_states": n_states}
            | {"at_edge": n_states == table["n_states"].max(), "sentence": words}
        )
    table = pd.DataFrame(rows).merge(scores, on=["reducer", "covariance_type", "n_states"])
    competing = table[~table["exploratory"] & ~table["reducer"].isin(CONTROLS)]
    ranked, score = competing[competing["pick"] == criterion], "fidelity_select"
    explained = competing[competing["pick"] == EXPLAINED]
    if n_certified is not None and (explained["n_states"] == n_certified).any():
        ranked, score = explained[explained["n_states"] == n_certified], "certified_ari"
    best = ranked["reducer"].iloc[first_best(ranked[score])]
    table.insert(2, "chosen_reducer", table["reducer"] == best)
    log.info("the reducer is %s, by %s", best, score)
    return table


def _explained(
    scores: pd.DataFrame, n_certified: int | None, tolerance: float
) -> tuple[int, str, str]:
    """Return the number of states and the covariance type to explain, and why."""
    if n_certified is not None and (scores["n_states"] == n_certified).any():
        same = scores[scores["n_states"] == n_certified]
        row = same.iloc[first_best(same["certified_ari"])]
        words = (
            f"{n_certified} states are those that the futures of the network certify; the states "
            f"of this model agree with them (ARI {row['certified_ari']:.2f})"
            f"{', followed through their transitions given the input' * bool(row['given_input'])}."
        )
        return n_certified, str(row["covariance_type"]), words
    n_states = selection.smallest_count_near_best(
        scores["n_states"].to_numpy(), scores["fidelity_select"].to_numpy(), tolerance
    )
    same = scores[scores["n_states"] == n_states]
    kind = str(same["covariance_type"].iloc[first_best(same["fidelity_select"])])
    words = (
        f"{n_states} state{'s are' if n_states > 1 else ' is'} the fewest whose fidelity at the "
        f"same step is within {tolerance:g} of the best in the sweep."
    )
    return n_states, kind, words
