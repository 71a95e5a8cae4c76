"""Whether the states of a chosen model are more than chance would give: four nulls.

Shuffled time leaves no dynamics; random phases and a vector autoregression leave all linear
correlations and no discreteness; a truth that is shifted in time, or permuted over sequences
where it is constant within them, leaves no agreement. A small p
value says that the null is not all there is. It does not say that states are discrete: a ring is
no Gaussian process either.
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
from hmmlens.validation.chosen_model import LEVEL, N_DRAWS, Check, Chosen, unknown

#: Surrogates that are scored at once.
BATCH = 20


def _against(
    value: float, null: Floats, statistic: str, text: str, chance: str, p: float | None = None
) -> Check:
    """Return the row of ``value`` beside its null; ``p`` where it is not that of random draws."""
    p = surrogates.p_value(value, null) if p is None else p
    low, high = interval(null)
    says = "more than chance" if p < LEVEL else "no more than chance"
    sentence = f"{text} {value:.2f}, {chance} {low:.2f} to {high:.2f}: {says}."
    return Check("", statistic, value, low, high, p, p < LEVEL, sentence)


def time_shuffled(chosen: Chosen, rng: np.random.Generator) -> Check:
    """Ask whether states in random order, with what is said in them, predict outputs as well."""
    data, horizon, path = chosen.data, chosen.horizon, chosen.path
    scored = np.where(data.masks["test"], path, -1)
    if not changes(scored):
        return unknown(
            "No state changes within a test sequence, so that shuffled time changes nothing."
        )

    def score(states: NDArray[np.int64], distribution: Floats) -> float:
        moved = data._replace(distribution=distribution)
        book = codebook.counted(states, moved, chosen.n_states)
        cells = codebook.one_hot(states, chosen.n_states)
        curve = codebook.score(moved, "test", cells, book.transmat, book.means, horizon)
        return float(curve[horizon])

    null = []
    for _ in range(N_DRAWS):
        order = surrogates.time_orders(chosen.length, path.shape[1], rng)
        distribution = np.take_along_axis(data.distribution, order[:, :, None], axis=1)
        null.append(score(np.take_along_axis(path, order, axis=1), distribution))
    return _against(
        score(path, data.distribution),
        np.array(null),
        f"R2, {horizon} steps ahead",
        f"{horizon} steps ahead its states predict the output with R2",
        "in shuffled time with",
    )


def phases_at_random(chosen: Chosen, rng: np.random.Generator) -> Check:
    """Ask whether data with the same spectra are as likely under the model."""
    return _surrogate(chosen, surrogates.phase_randomised, "surrogates with random phases", rng)


def autoregression(chosen: Chosen, rng: np.random.Generator) -> Check:
    """Ask whether data of a fitted linear system are as likely under the model."""
    return _surrogate(chosen, surrogates.var_surrogate, "draws of a linear system (VAR(1))", rng)


def _surrogate(
    chosen: Chosen,
    draw: Callable[[Floats, Ints, np.random.Generator], Floats],
    named: str,
    rng: np.random.Generator,
) -> Check:
    test = chosen.split == 2
    values, length = chosen.values[test], chosen.length[test]

    def score(drawn: Floats, ends: Ints) -> Floats:
        each = chosen.model.filter(drawn, ends).log_likelihood
        mean: Floats = each.reshape(-1, len(values)).sum(axis=1) / length.sum()
        return mean

    ends = np.tile(length, BATCH)
    null = [
        score(draw(np.tile(values, (BATCH, 1, 1)), ends, rng), ends)
        for _ in range(N_DRAWS // BATCH)
    ]
    return _against(
        float(score(values, length)[0]),
        np.concatenate(null),
        "log-likelihood (nats per step)",
        "Its log-likelihood of held-out activations, in nats per step, is",
        f"that of {named}",
    )


def truth_shifted(chosen: Chosen, rng: np.random.Generator) -> Check:
    """Ask whether a rearranged truth agrees as well: shifted in time, or permuted over sequences.

    Which it is depends on whether the truth changes within sequences, see
    :func:`hmmlens.stats.permutation.agreement_test`.
    """
    test = chosen.split == 2
    truth, found = chosen.truth[test], chosen.path[test]
    if not (truth >= 0).any():
        return unknown("The truth is not known, so no agreement with it can be checked.")
    group = None if chosen.group is None else chosen.group[test]
    tested = agreement_test(truth, found, chosen.length[test], rand_index, N_DRAWS, rng, group)
    value, text = rand_index(truth, found), "Agreement with the truth (ARI) is"
    if tested.reason:
        return unknown(f"{text} {value:.2f}; {tested.told}.")
    row = _against(value, tested.scores, "ARI", text, f"with one {tested.told}", tested.p)
    if tested.least < LEVEL:
        return row
    told = f"a p below {tested.least:.2g} is not possible, so that chance cannot be excluded."
    return row._replace(holds=None, sentence=f"{row.sentence.rpartition(':')[0]}: {told}")


#: Each asks one chosen model; p values are corrected over all layers of a study.
CHECKS: Mapping[str, Callable[[Chosen, np.random.Generator], Check]] = {
    "time shuffled": time_shuffled,
    "phases at random": phases_at_random,
    "VAR(1) surrogate": autoregression,
    "truth shifted": truth_shifted,
}
