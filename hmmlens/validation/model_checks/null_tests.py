"""Tests of the states of a chosen model against chance: four null hypotheses.

Shuffled time leaves no dynamics; random phases and a vector autoregression leave all linear
correlations and no discreteness; a truth that is shifted in time, or permuted over sequences where
it is constant within them, leaves no agreement. A small p value means that the null hypothesis is
not the whole explanation. It does not mean that states are discrete: a ring is no Gaussian process
either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from hmmlens.stats import surrogates
from hmmlens.stats.agreement import rand_index
from hmmlens.stats.bootstrap import interval
from hmmlens.stats.permutation import agreement_test, changes
from hmmlens.typing import Floats, Ints
from hmmlens.validation.baselines import codebook
from hmmlens.validation.chosen_model import (
    DEFAULT_CHECKS,
    Check,
    CheckFunction,
    CheckSettings,
    Chosen,
    unknown,
)

#: Surrogates that are scored at once.
BATCH = 20


def _comparison(
    value: float, null: Floats, statistic: str, text: str, chance: str, level: float,
    p: float | None = None,
) -> Check:  # fmt: skip
    """Compare ``value`` with its null; ``p`` where it is not that of random samples."""
    p = surrogates.p_value(value, null) if p is None else p
    low, high = interval(null)
    outcome = "more than chance" if p < level else "no more than chance"
    sentence = f"{text} {value:.2f}, {chance} {low:.2f} to {high:.2f}: {outcome}."
    return Check("", statistic, value, low, high, p, p < level, sentence)


def time_shuffled(
    chosen: Chosen, rng: np.random.Generator, settings: CheckSettings = DEFAULT_CHECKS
) -> Check:
    """Test whether states in random order, with their outputs, predict outputs as well.

    Parameters
    ----------
    chosen : Chosen
        The chosen model.
    rng : numpy.random.Generator
        Source of the orders.
    settings : CheckSettings, optional
        Settings of the checks.

    Returns
    -------
    Check
        R2 at the horizon.
    """
    data, horizon, path, skip = chosen.data, chosen.horizon, chosen.path, chosen.skip
    if not changes(chosen.scored.path):
        return unknown(
            "No state changes within a test sequence, so that shuffled time changes nothing."
        )

    def _score(states: NDArray[np.int64], distribution: Floats) -> float:
        moved = data._replace(distribution=distribution)
        book = codebook.counted(states, moved, chosen.n_states)
        cells = codebook.one_hot(states, chosen.n_states)
        curve = codebook.score(moved, "test", cells, book.transmat, book.means, horizon)
        return float(curve[horizon])

    null, n_steps = [], path.shape[1]
    for _ in range(settings.n_draws):
        # The warm-up, which is not scored, stays where it is.
        late = surrogates.time_orders(np.maximum(chosen.length - skip, 0), n_steps - skip, rng)
        order = np.concatenate([np.tile(np.arange(skip), (len(path), 1)), skip + late], axis=1)
        distribution = np.take_along_axis(data.distribution, order[:, :, None], axis=1)
        null.append(_score(np.take_along_axis(path, order, axis=1), distribution))
    return _comparison(
        _score(path, data.distribution),
        np.array(null),
        f"R2, {horizon} steps ahead",
        f"{horizon} steps ahead its states predict the output with R2",
        "in shuffled time with",
        settings.level,
    )


def phases_at_random(
    chosen: Chosen, rng: np.random.Generator, settings: CheckSettings = DEFAULT_CHECKS
) -> Check:
    """Test whether data with the same spectra are as likely under the model.

    Parameters
    ----------
    chosen : Chosen
        The chosen model.
    rng : numpy.random.Generator
        Source of the phases.
    settings : CheckSettings, optional
        Settings of the checks.

    Returns
    -------
    Check
        The log-likelihood in nats per step.
    """
    return _surrogate(
        chosen, surrogates.phase_randomised, "surrogates with random phases", rng, settings
    )


def autoregression(
    chosen: Chosen, rng: np.random.Generator, settings: CheckSettings = DEFAULT_CHECKS
) -> Check:
    """Test whether data of a fitted linear system are as likely under the model.

    Parameters
    ----------
    chosen : Chosen
        The chosen model.
    rng : numpy.random.Generator
        Source of the data.
    settings : CheckSettings, optional
        Settings of the checks.

    Returns
    -------
    Check
        The log-likelihood in nats per step.
    """
    return _surrogate(
        chosen, surrogates.var_surrogate, "draws of a linear system (VAR(1))", rng, settings
    )


def _surrogate(
    chosen: Chosen,
    sample: Callable[[Floats, Ints, np.random.Generator], Floats],
    named: str,
    rng: np.random.Generator,
    settings: CheckSettings,
) -> Check:
    test = chosen.scored
    values, length = test.values, test.length

    def score(surrogate: Floats, ends: Ints) -> Floats:
        each = chosen.model.filter(surrogate, ends).log_likelihood
        mean: Floats = each.reshape(-1, len(values)).sum(axis=1) / length.sum()
        return mean

    ends = np.tile(length, BATCH)
    null = [
        score(sample(np.tile(values, (BATCH, 1, 1)), ends, rng), ends)
        for _ in range(settings.n_draws // BATCH)
    ]
    return _comparison(
        float(score(values, length)[0]),
        np.concatenate(null),
        "log-likelihood (nats per step)",
        "Its log-likelihood of held-out activations, in nats per step, is",
        f"that of {named}",
        settings.level,
    )


def truth_shifted(
    chosen: Chosen, rng: np.random.Generator, settings: CheckSettings = DEFAULT_CHECKS
) -> Check:
    """Test whether a rearranged truth agrees as well: shifted in time, or permuted over sequences.

    Which it is depends on whether the truth changes within sequences, see
    :func:`hmmlens.stats.permutation.agreement_test`.

    Parameters
    ----------
    chosen : Chosen
        The chosen model.
    rng : numpy.random.Generator
        Source of the rearrangements.
    settings : CheckSettings, optional
        Settings of the checks.

    Returns
    -------
    Check
        The adjusted Rand index.
    """
    test = chosen.scored
    truth, found = test.truth, test.path
    if not (truth >= 0).any():
        return unknown("The truth is not known, so no agreement with it can be checked.")
    tested = agreement_test(
        truth, found, test.length, rand_index, settings.n_draws, rng, test.group
    )
    value, text = rand_index(truth, found), "Agreement with the truth (ARI) is"
    if tested.reason:
        return unknown(f"{text} {value:.2f}; {tested.description}.")
    chance = f"with one {tested.description}"
    row = _comparison(value, tested.scores, "ARI", text, chance, settings.level, tested.p)
    if tested.least < settings.level:
        return row
    limit = f"a p below {tested.least:.2g} is not possible, so that chance cannot be excluded."
    return row._replace(holds=None, sentence=f"{row.sentence.rpartition(':')[0]}: {limit}")


#: Each asks one chosen model; p values are corrected over all layers of a study.
CHECKS: Mapping[str, CheckFunction] = {
    "time shuffled": time_shuffled,
    "phases at random": phases_at_random,
    "VAR(1) surrogate": autoregression,
    "truth shifted": truth_shifted,
}
