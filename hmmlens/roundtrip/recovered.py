"""What came back: states by several methods, their transitions, and the number that BIC chooses."""

from __future__ import annotations

from collections.abc import Sequence
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
from hmmlens.roundtrip.preparation import Seen
from hmmlens.stats import transitions
from hmmlens.stats.agreement import agreement, contingency, mapped_accuracy
from hmmlens.validation.baselines import methods
from hmmlens.validation.baselines.methods import Layer

#: Principal components in which states are looked for.
N_COMPONENTS = 8
SCORES = ("ari", "ami", "accuracy", "homogeneity", "completeness")


def method(name: str) -> str | methods.Method:
    """Return a method by the name of a registered one, or as ``package.module:function``.

    Raises
    ------
    DataError
        When there is no such function.
    """
    if ":" not in name:
        return name
    found: methods.Method = imported("method", name, Path.cwd())
    return found


def split(seen: Seen) -> tuple[Layer, Layer, NDArray[np.int64], NDArray[np.int64]]:
    """Return train and test activations in principal components of train, and their true states."""
    recorded = seen.recorded
    train, test = recorded.split == 0, recorded.split == 2
    inside = steps_inside(recorded.length, *recorded.hidden.shape[:2])
    pca = PrincipalComponents(N_COMPONENTS).fit(recorded.hidden[train][inside[train]])
    parts = [
        Layer(pca.transform(recorded.hidden[rows]), recorded.length[rows]) for rows in (train, test)
    ]
    known = np.where(inside, seen.state, -1)
    return parts[0], parts[1], known[train], known[test]


def chosen_count(train: Layer, n_states: Sequence[int], n_restarts: int, seed: int) -> Any:
    """Return the choice of BIC among tied hidden Markov models of every size."""
    sweep = HMMSweep(list(n_states), ("tied",), n_restarts=n_restarts, random_state=seed)
    return choose(sweep.fit(train.values, train.length).results_)


def ceilings(table: pd.DataFrame) -> dict[str, float]:
    """Return what the exact filter scores; 1 where the input tells the state for certain."""
    exact = table[(table["role"] == "ceiling") & (table["name"] == "exact filter")]
    found = exact.set_index("metric")["value"]
    return {name: float(found.get(name, 1.0)) for name in SCORES}


def recovery(
    seen: Seen,
    names: Sequence[str],
    ceiling: dict[str, float],
    transmat: NDArray[np.float64] | None,
    seed: int,
) -> list[dict[str, Any]]:
    """Return one row for each method at the true number of states; none where no truth is known.

    Parameters
    ----------
    ceiling : score -> what the exact filter reaches.
    transmat : (state, next state) of the target; None for what the true states of train did.

    Returns
    -------
    list of dict
        ``method, n_states``, each score on test, ``mapped_accuracy`` (every state told as the
        truth it mostly is in train), ``share`` of the ceiling of the ARI, and
        ``transition_distance``, mean total variation of the rows (0 to 1), up to renaming.
    """
    train, test, learnt, truth = split(seen)
    if not (truth >= 0).any():
        return []
    n_states = int(max(learnt.max(), truth.max())) + 1
    if transmat is None:
        transmat = transitions.normalised(transitions.counts(learnt, n_states).sum(axis=0))
    rows = []
    for name in names:
        labels = methods.label(method(name), train, test, n_states, seed)
        scores = agreement(truth, labels.test)
        moves = transitions.normalised(transitions.counts(labels.train, n_states).sum(axis=0))
        # A state that a method never used leads nowhere: its row stays NaN, as far as can be.
        seen_in = [
            _square(contingency(known, found).sum(axis=0), n_states)
            for known, found in ((learnt, labels.train), (truth, labels.test))
        ]
        distance = transitions.compare(transmat, moves, seen_in[1]).total_variation
        rows.append(
            {"method": name, "n_states": n_states, **{s: scores[s] for s in SCORES}}
            | {"mapped_accuracy": mapped_accuracy(*seen_in)}
            | {"ceiling": ceiling["ari"], "share": scores["ari"] / ceiling["ari"]}
            | {"transition_distance": distance}
        )
    return rows


def _square(table: NDArray[np.float64], n_states: int) -> NDArray[np.float64]:
    whole = np.zeros((n_states, n_states))
    whole[: table.shape[0], : table.shape[1]] = table
    return whole
