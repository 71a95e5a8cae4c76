"""Recovery of states by several methods, their transitions, and the number that BIC chooses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hmmlens.hmm.selection import choose
from hmmlens.hmm.sweep import HMMSweep
from hmmlens.ragged import steps_inside
from hmmlens.reduction.principal_components import PrincipalComponents
from hmmlens.rnn.factories import imported
from hmmlens.roundtrip.preparation import RecordedNetwork
from hmmlens.roundtrip.settings import DEFAULTS, RoundTripSettings
from hmmlens.stats import transitions
from hmmlens.stats.agreement import agreement, contingency, mapped_accuracy
from hmmlens.validation.baselines import methods
from hmmlens.validation.baselines.methods import Layer

SCORES = ("ari", "ami", "accuracy", "homogeneity", "completeness")


def load_method(name: str) -> str | methods.Method:
    """Return a method by the name of a registered one, or as ``package.module:function``.

    Parameters
    ----------
    name : str

    Returns
    -------
    str or callable
        The name of a registered method, or the function.

    Raises
    ------
    DataError
        When there is no such function.
    """
    if ":" not in name:
        return name
    method: methods.Method = imported("method", name, Path.cwd())
    return method


def reduce_splits(
    recording: RecordedNetwork, settings: RoundTripSettings = DEFAULTS
) -> tuple[Layer, Layer, NDArray[np.int64], NDArray[np.int64]]:
    """Return activations in principal components of train, and the true states.

    Parameters
    ----------
    recording : Seen
    settings : RoundTripSettings

    Returns
    -------
    train, test : Layer
        Reduced activations.
    train_states, test_states : ndarray of shape (sequence, time)
        True states, -1 where unknown and after the end of a sequence.
    """
    recorded = recording.recorded
    train, test = recorded.split == 0, recorded.split == 2
    inside = steps_inside(recorded.length, *recorded.hidden.shape[:2])
    pca = PrincipalComponents(settings.n_components).fit(recorded.hidden[train][inside[train]])
    parts = [
        Layer(pca.transform(recorded.hidden[rows]), recorded.length[rows]) for rows in (train, test)
    ]
    known = np.where(inside, recording.state, -1)
    return parts[0], parts[1], known[train], known[test]


def choose_n_states(train: Layer, seed: int, settings: RoundTripSettings = DEFAULTS) -> Any:
    """Return the choice of BIC among tied hidden Markov models of every size.

    Parameters
    ----------
    train : Layer
    seed : int
    settings : RoundTripSettings
        Sizes and initialisations.

    Returns
    -------
    Choice
        See :func:`hmmlens.hmm.selection.choose`.
    """
    counts, n_restarts = list(settings.n_states), settings.n_restarts
    sweep = HMMSweep(counts, ("tied",), n_restarts=n_restarts, random_state=seed)
    return choose(sweep.fit(train.values, train.length).results_)


def recovery_ceilings(table: pd.DataFrame) -> dict[str, float]:
    """Return the scores of the exact filter.

    Parameters
    ----------
    table : DataFrame
        See :func:`hmmlens.validation.ceilings.of_dataset`.

    Returns
    -------
    dict of float
        By score; 1 where the input determines the state.
    """
    exact = table[(table["role"] == "ceiling") & (table["name"] == "exact filter")]
    by_metric = exact.set_index("metric")["value"]
    return {name: float(by_metric.get(name, 1.0)) for name in SCORES}


def recovery_rows(
    recording: RecordedNetwork,
    ceiling: dict[str, float],
    transmat: NDArray[np.float64] | None,
    seed: int,
    settings: RoundTripSettings = DEFAULTS,
) -> list[dict[str, Any]]:
    """Return one row for each method at the true number of states; none where no truth is known.

    Parameters
    ----------
    recording : Seen
    ceiling : dict of float
        Scores of the exact filter.
    transmat : ndarray of shape (state, next state) or None
        Of the target; None for the relative frequencies of the true states of train.
    seed : int
    settings : RoundTripSettings

    Returns
    -------
    list of dict
        ``method, n_states``, each score on test, ``mapped_accuracy`` (every state taken for its
        most frequent true state in train), ``share`` of the ceiling of the ARI, and
        ``transition_distance``, mean total variation of the rows (0 to 1), up to renaming.
    """
    train, test, train_states, test_states = reduce_splits(recording, settings)
    if not (test_states >= 0).any():
        return []
    n_states = int(max(train_states.max(), test_states.max())) + 1
    if transmat is None:
        transmat = transitions.normalised(transitions.counts(train_states, n_states).sum(axis=0))
    rows = []
    for name in settings.methods:
        labels = methods.label(load_method(name), train, test, n_states, seed, settings.baselines)
        scores = agreement(test_states, labels.test)
        moves = transitions.normalised(transitions.counts(labels.train, n_states).sum(axis=0))
        # The row of a state that a method never used is NaN, which has the largest distance.
        tables = [
            _square(contingency(states, found).sum(axis=0), n_states)
            for states, found in ((train_states, labels.train), (test_states, labels.test))
        ]
        distance = transitions.compare(transmat, moves, tables[1]).total_variation
        rows.append(
            {"method": name, "n_states": n_states, **{s: scores[s] for s in SCORES}}
            | {"mapped_accuracy": mapped_accuracy(*tables)}
            | {"ceiling": ceiling["ari"], "share": scores["ari"] / ceiling["ari"]}
            | {"transition_distance": distance}
        )
    return rows


def _square(table: NDArray[np.float64], n_states: int) -> NDArray[np.float64]:
    whole = np.zeros((n_states, n_states))
    whole[: table.shape[0], : table.shape[1]] = table
    return whole
