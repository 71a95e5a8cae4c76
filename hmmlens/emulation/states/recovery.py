"""How far the states found in a network are those of the target, against what can be had at all.

A network that emits symbols holds no states of the target. The reference is the posterior of the
target given the symbols that the network emits; how sharp that is bounds how well any states can
agree with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hmmlens.datasets.synthetic.generators import HMMParameters, sample_hmm
from hmmlens.dynamics.forecasts import Runs
from hmmlens.emulation.states.models import N_BOOTSTRAP, StateModel
from hmmlens.hmm.models import CategoricalHMM
from hmmlens.stats import transitions
from hmmlens.stats.agreement import bootstrap, rand_index
from hmmlens.stats.bootstrap import Estimate, estimate, interval, resampled
from hmmlens.typing import Floats, Int64s
from hmmlens.validation.ceilings import observers
from hmmlens.validation.closed_loop import sample_categories


class Emitted(NamedTuple):
    """Symbols, and what the target's exact observers make of them.

    symbols : (run, time)
    known : ``exact filter``, ``exact smoother`` -> posterior (run, time, target state)
    states : (run, time), the target's own states; -1 where it did not emit them
    """

    symbols: Int64s
    known: Mapping[str, Floats]
    states: Int64s


def emitted(runs: Runs, hmm: HMMParameters, rng: np.random.Generator) -> tuple[Emitted, Emitted]:
    """Let the network emit symbols, and the target as many; who knows the target reads both.

    Runs begin in the middle, so the target's first state follows its stationary law.
    """
    shape = runs.distribution.shape[:2]
    said = sample_categories(
        runs.distribution.reshape(-1, runs.distribution.shape[2]), rng
    ).reshape(shape)
    distribution = transitions.stationary(np.asarray(hmm.transmat))
    drawn, states = sample_hmm(hmm._replace(startprob=distribution), shape[0], shape[1], rng)
    target = CategoricalHMM.from_parameters(distribution, hmm.transmat, hmm.emissionprob)
    same = np.arange(len(distribution))
    return (
        Emitted(said, observers(target, said, same), np.full(shape, -1)),
        Emitted(drawn, observers(target, drawn, same), states),
    )


def joint(posterior: Floats, path: Int64s, n_states: int) -> Floats:
    """Count steps (run, target state, state), a step shared among the target's states."""
    counts: Floats = np.einsum("rts,rtk->rsk", posterior, np.eye(n_states)[path])
    return counts


def recovery(
    model: StateModel,
    network: Emitted,
    target: Emitted,
    split: NDArray[np.int8],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Compare the model's states with the target's, on test runs.

    Returns
    -------
    DataFrame
        One row for each ``reference`` (exact filter, exact smoother) and ``score``: ``value, low,
        high`` (runs resampled), ``chance`` (what one state alone has), ``ceiling`` and ``share``
        of it. ``accuracy`` is the expected share of steps that each state's commonest target
        state in train tells right, with the mean of the largest posterior as its ceiling; ``ari``
        is that with the likeliest target state, and its ceiling that of the target's own states.
    """
    rows: list[dict[str, Any]] = []
    test = split == 2
    for name, posterior in network.known.items():
        learnt = joint(posterior[split == 0], model.path[split == 0], model.n_states).sum(axis=0)
        here, path = posterior[test], model.path[test]
        right = np.take_along_axis(here, learnt.argmax(axis=0)[path][..., None], 2)[..., 0]
        parts = np.stack([right.sum(axis=1), np.full(len(here), float(here.shape[1]))], axis=1)
        found = estimate(parts, lambda sums: sums[0] / sums[1], N_BOOTSTRAP, rng)
        chance = float(here[..., learnt.sum(axis=1).argmax()].mean())
        rows.append(_row(name, "accuracy", found, chance, float(here.max(axis=2).mean())))
        likeliest = here.argmax(axis=2)
        spread = bootstrap(likeliest, path, N_BOOTSTRAP, rng, ("ari",))["ari"]
        found = Estimate(rand_index(likeliest, path), *spread)
        best = rand_index(target.states, target.known[name].argmax(axis=2))
        rows.append(_row(name, "ari", found, 0.0, best))
    return pd.DataFrame(rows)


def _row(
    reference: str, score: str, found: Estimate, chance: float, ceiling: float
) -> dict[str, Any]:
    row = {"reference": reference, "score": score} | found._asdict() | {"chance": chance}
    return row | {"ceiling": ceiling, "share": found.value / ceiling if ceiling > 0 else np.nan}


def chains(
    model: StateModel,
    hmm: HMMParameters,
    network: Emitted,
    target: Emitted,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Compare transitions with the target's, see :func:`hmmlens.stats.transitions.compare`.

    Returns
    -------
    DataFrame
        ``transitions, distance`` (total variation, mean over states), ``low, high`` (runs
        resampled), ``defect`` (what lumping threw away). ``fitted`` and ``counted`` are the
        model's, from EM and from its filtered states. Beside them stands what there is to have:
        those of the likeliest states that the ``network's symbols`` and the ``target's symbols``
        tell the exact smoother, and of the ``target's states`` themselves, which as many steps
        leave off by chance alone.
    """
    truth, n = np.asarray(hmm.transmat), model.n_states
    table = joint(network.known["exact smoother"], model.path, n)
    compare = partial(transitions.compare, truth)
    fitted = compare(model.hmm.transmat_, table.sum(axis=0))
    rows: list[dict[str, Any]] = [
        {"transitions": "fitted", "distance": fitted.total_variation, "defect": fitted.defect}
    ]
    names = {"counted": (model.path, n, table)}
    for name, said in (("network's symbols", network), ("target's symbols", target)):
        likeliest = said.known["exact smoother"].argmax(axis=2)
        met = joint(said.known["exact smoother"], likeliest, len(truth))
        names[name] = (likeliest, len(truth), met)
    own = np.eye(len(truth))[target.states]
    names["target's states"] = (target.states, len(truth), joint(own, target.states, len(truth)))
    for name, (path, size, met) in names.items():
        moves = transitions.counts(path, size)
        drawn = resampled(np.concatenate([moves, met], axis=1), N_BOOTSTRAP, rng)
        spread = [
            compare(transitions.normalised(sums[:size]), sums[size:]).total_variation
            for sums in drawn
        ]
        found = compare(transitions.normalised(moves.sum(axis=0)), met.sum(axis=0))
        low, high = interval(spread)
        row = {"transitions": name, "distance": found.total_variation, "low": low, "high": high}
        rows.append(row | {"defect": found.defect})
    return pd.DataFrame(rows)
