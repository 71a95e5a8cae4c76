"""Recovery of the target's states by states found in a network, compared with what is attainable.

A network that emits symbols has no states of the target. The reference is the posterior of the
target given the symbols that the network emits; its sharpness bounds how well any states can agree
with it.
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
from hmmlens.emulation.states.settings import DEFAULTS, StateSettings
from hmmlens.emulation.states.state_models import StateModel
from hmmlens.hmm.models import CategoricalHMM
from hmmlens.stats import transitions
from hmmlens.stats.agreement import bootstrap, rand_index
from hmmlens.stats.bootstrap import Estimate, estimate, interval, resampled
from hmmlens.typing import Floats, Int64s
from hmmlens.validation.ceilings import observers
from hmmlens.validation.closed_loop import sample_categories


class EmittedSymbols(NamedTuple):
    """Symbols, and the posteriors of the target's exact observers given these.

    Attributes
    ----------
    symbols : ndarray of shape (run, time)
    posteriors : dict of ndarray of shape (run, time, target state)
        Of the ``exact filter`` and the ``exact smoother``.
    states : ndarray of shape (run, time)
        The target's own states; -1 where it did not emit the symbols.
    """

    symbols: Int64s
    posteriors: Mapping[str, Floats]
    states: Int64s


def emit_symbols(
    runs: Runs, hmm: HMMParameters, rng: np.random.Generator
) -> tuple[EmittedSymbols, EmittedSymbols]:
    """Sample symbols of the network and as many of the target, and filter both with the target.

    Runs begin in the middle, so the target's first state follows its stationary distribution.

    Parameters
    ----------
    runs : Runs
    hmm : HMMParameters
        The target.
    rng : numpy.random.Generator

    Returns
    -------
    network, target : EmittedSymbols
        Symbols of the network, and of the target.
    """
    shape = runs.distribution.shape[:2]
    outputs = runs.distribution.reshape(-1, runs.distribution.shape[2])
    symbols = sample_categories(outputs, rng).reshape(shape)
    distribution = transitions.stationary(np.asarray(hmm.transmat))
    sampled, states = sample_hmm(hmm._replace(startprob=distribution), shape[0], shape[1], rng)
    target = CategoricalHMM.from_parameters(distribution, hmm.transmat, hmm.emissionprob)
    same = np.arange(len(distribution))
    return (
        EmittedSymbols(symbols, observers(target, symbols, same), np.full(shape, -1)),
        EmittedSymbols(sampled, observers(target, sampled, same), states),
    )


def count_joint(posterior: Floats, path: Int64s, n_states: int) -> Floats:
    """Return counts of steps by state of the target and state of the model.

    Parameters
    ----------
    posterior : ndarray of shape (run, time, target state)
        By which a step is shared among the target's states.
    path : ndarray of shape (run, time)
    n_states : int
        Of the model.

    Returns
    -------
    ndarray of shape (run, target state, state)
        Expected numbers of steps.
    """
    counts: Floats = np.einsum("rts,rtk->rsk", posterior, np.eye(n_states)[path])
    return counts


def state_recovery(
    model: StateModel,
    network: EmittedSymbols,
    target: EmittedSymbols,
    split: NDArray[np.int8],
    rng: np.random.Generator,
    settings: StateSettings = DEFAULTS,
) -> pd.DataFrame:
    """Compare the model's states with the target's, on test runs.

    Parameters
    ----------
    model : StateModel
    network, target : EmittedSymbols
    split : ndarray of shape (run)
        0 train, 1 select, 2 test.
    rng : numpy.random.Generator
    settings : StateSettings

    Returns
    -------
    DataFrame
        One row for each ``reference`` (exact filter, exact smoother) and ``score``: ``value, low,
        high`` (runs resampled), ``chance`` (of one state alone), ``ceiling`` and ``share`` of it.
        ``accuracy`` is the expected share of steps at which the most frequent target state of each
        state in train is the true one, with the mean of the largest posterior as its ceiling;
        ``ari`` is that with the most probable target state, and its ceiling that of the target's
        own states.
    """
    rows: list[dict[str, Any]] = []
    test = split == 2
    n_bootstrap = settings.n_bootstrap
    for name, posterior in network.posteriors.items():
        in_train = count_joint(posterior[split == 0], model.path[split == 0], model.n_states)
        table = in_train.sum(axis=0)
        here, path = posterior[test], model.path[test]
        right = np.take_along_axis(here, table.argmax(axis=0)[path][..., None], 2)[..., 0]
        parts = np.stack([right.sum(axis=1), np.full(len(here), float(here.shape[1]))], axis=1)
        value = estimate(parts, lambda sums: sums[0] / sums[1], n_bootstrap, rng)
        chance = float(here[..., table.sum(axis=1).argmax()].mean())
        rows.append(_row(name, "accuracy", value, chance, float(here.max(axis=2).mean())))
        mode = here.argmax(axis=2)
        spread = bootstrap(mode, path, n_bootstrap, rng, ("ari",))["ari"]
        value = Estimate(rand_index(mode, path), *spread)
        best = rand_index(target.states, target.posteriors[name].argmax(axis=2))
        rows.append(_row(name, "ari", value, 0.0, best))
    return pd.DataFrame(rows)


def _row(
    reference: str, score: str, value: Estimate, chance: float, ceiling: float
) -> dict[str, Any]:
    row = {"reference": reference, "score": score} | value._asdict() | {"chance": chance}
    return row | {"ceiling": ceiling, "share": value.value / ceiling if ceiling > 0 else np.nan}


def transition_recovery(
    model: StateModel,
    hmm: HMMParameters,
    network: EmittedSymbols,
    target: EmittedSymbols,
    rng: np.random.Generator,
    settings: StateSettings = DEFAULTS,
) -> pd.DataFrame:
    """Compare transitions with the target's, see :func:`hmmlens.stats.transitions.compare`.

    Parameters
    ----------
    model : StateModel
    hmm : HMMParameters
        The target.
    network, target : EmittedSymbols
    rng : numpy.random.Generator
    settings : StateSettings

    Returns
    -------
    DataFrame
        ``transitions, distance`` (total variation, mean over states), ``low, high`` (runs
        resampled), ``defect`` (what lumping discards). ``fitted`` and ``counted`` are the model's,
        from EM and from its filtered states. For comparison: those of the most probable states of
        the exact smoother given the ``network's symbols`` and the ``target's symbols``, and of the
        ``target's states`` themselves, which differ by sampling alone.
    """
    truth, n = np.asarray(hmm.transmat), model.n_states
    table = count_joint(network.posteriors["exact smoother"], model.path, n)
    compare = partial(transitions.compare, truth)
    fitted = compare(model.hmm.transmat_, table.sum(axis=0))
    rows: list[dict[str, Any]] = [
        {"transitions": "fitted", "distance": fitted.total_variation, "defect": fitted.defect}
    ]
    paths = {"counted": (model.path, n, table)}
    for name, emitted in (("network's symbols", network), ("target's symbols", target)):
        posterior = emitted.posteriors["exact smoother"]
        mode = posterior.argmax(axis=2)
        paths[name] = (mode, len(truth), count_joint(posterior, mode, len(truth)))
    own = count_joint(np.eye(len(truth))[target.states], target.states, len(truth))
    paths["target's states"] = (target.states, len(truth), own)
    for name, (path, size, joint) in paths.items():
        moves = transitions.counts(path, size)
        resamples = resampled(np.concatenate([moves, joint], axis=1), settings.n_bootstrap, rng)
        spread = [
            compare(transitions.normalised(sums[:size]), sums[size:]).total_variation
            for sums in resamples
        ]
        counted = compare(transitions.normalised(moves.sum(axis=0)), joint.sum(axis=0))
        low, high = interval(spread)
        row = {"transitions": name, "distance": counted.total_variation, "low": low, "high": high}
        rows.append(row | {"defect": counted.defect})
    return pd.DataFrame(rows)
