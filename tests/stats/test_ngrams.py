"""Word frequencies against slow counting, SciPy's divergence, and sets of one source."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from hmmlens.datasets.synthetic.generators import check_hmm, preset_hmm, sample_hmm
from hmmlens.errors import DataError
from hmmlens.stats import ngrams


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_counts_and_divergence_equal_slow_ones(seed: int, length: int) -> None:
    rng = np.random.default_rng(seed)
    sets = [rng.integers(0, 3, size=(4, 9)) for _ in range(2)]
    sets[0][1, 6:] = -1
    slow: list[dict[tuple[int, ...], int]] = [{}, {}]
    for words, rows in zip(slow, sets, strict=True):
        for row in rows.tolist():
            for t in range(len(row) - length + 1):
                word = tuple(row[t : t + length])
                if -1 not in word:
                    words[word] = words.get(word, 0) + 1
    kinds = sorted(set(slow[0]) | set(slow[1]))
    wanted = [np.array([words.get(kind, 0) for kind in kinds]) for words in slow]
    found = ngrams.counts(*sets, length, 3)
    for one, two in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one.sum(axis=0), two)
    divergence = ngrams.jensen_shannon(found[0].sum(axis=0), found[1].sum(axis=0))
    assert divergence == pytest.approx(jensenshannon(*wanted) ** 2, abs=1e-12)


def test_words_in_common_or_not_are_the_extremes() -> None:
    assert ngrams.jensen_shannon(np.array([2, 1, 0, 0]), np.array([0, 0, 5, 1])) == pytest.approx(
        np.log(2)
    )
    assert ngrams.jensen_shannon(np.array([2, 1]), np.array([4, 2])) == 0


def test_sets_of_one_source_are_alike_up_to_their_sampling() -> None:
    low, surplus = 0, []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        one, two = (sample_hmm(preset_hmm("cyclic4"), 25, 40, rng)[0] for _ in range(2))
        row = ngrams.divergences(one, two, 3, 99, rng, lengths=(3,)).iloc[0]
        low += row["p"] <= 0.05
        assert row["value"] > 0
        surplus.append(row["value"] - row["null"])
    # 2 of 40 on average, more than 8 by chance once in two thousand.
    assert low <= 8
    # The null knows how much finite sets differ.
    assert abs(np.mean(surplus)) < 5 * np.std(surplus) / np.sqrt(40)


def test_order_of_symbols_shows_in_words_of_two_and_not_of_one() -> None:
    """Both sources emit each symbol half of the time; one repeats itself, the other does not."""
    rng = np.random.default_rng(0)
    sticky = check_hmm([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], np.eye(2))
    fickle = check_hmm([0.5, 0.5], [[0.1, 0.9], [0.9, 0.1]], np.eye(2))
    one, two = (sample_hmm(hmm, 60, 100, rng)[0] for hmm in (sticky, fickle))
    table = ngrams.divergences(one, two, 2, 99, rng).set_index("n")
    assert table.index.tolist() == list(ngrams.LENGTHS)
    assert table.loc[1, "value"] < 0.01
    # Pairs: .45 .05 .05 .45 against .05 .45 .45 .05.
    wanted = jensenshannon([0.45, 0.05, 0.05, 0.45], [0.05, 0.45, 0.45, 0.05]) ** 2
    assert table.loc[2, "low"] < wanted < table.loc[2, "high"]
    assert table.loc[2, "p"] == 0.01
    assert table.loc[2:, "value"].is_monotonic_increasing


def test_sequences_without_words_are_refused() -> None:
    rows = np.zeros((3, 4), dtype=int)
    with pytest.raises(DataError, match="holds no word of 5 symbols"):
        ngrams.divergences(rows, rows, 2, 20, np.random.default_rng(0))
