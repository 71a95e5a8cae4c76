"""Permutation tests of the agreement between states and a known truth.

A truth that changes within sequences is shifted in time. A truth that is constant within a sequence
(a speaker, a patient, a condition) is the same after every shift; there the labels are permuted
over sequences, or over groups of sequences, which are then the independent observations.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.stats.surrogates import circular_shifts, p_value
from hmmlens.typing import Floats, Ints

SHIFTED = "shifted in time"
SEQUENCES = "permuted over sequences"
GROUPS = "permuted over groups"
WITHIN = "permuted over the sequences of each group"
NONE = "none"

#: A test whose smallest possible p value is above this cannot exclude chance.
LEVEL = 0.05
#: Why a truth with fewer than two labels is not compared with states.
ONE_LABEL = (
    "the truth has one label only at the known steps of the test split, so there is "
    "nothing to compare states with"
)

#: Scores that are equal but for rounding.
ROUNDING = 1e-12


class AgreementTest(NamedTuple):
    """A test of agreement with a truth.

    Attributes
    ----------
    p : float
        Share of rearranged truths that agree as well; NaN where there is no test.
    scores : ndarray of shape (rearrangement,)
        Agreement with rearranged truths.
    null : str
        How the truth was rearranged: :data:`SHIFTED`, :data:`SEQUENCES`, :data:`GROUPS`,
        :data:`WITHIN`, a combination of these, or :data:`NONE`.
    n_units : int
        Independent observations, sequences or groups, that the null rearranges.
    least : float
        The smallest p value that these data allow.
    reason : str
        Why there is no test; empty where there is one.
    by_group : bool
        Whether groups, not sequences, are the independent observations.
    """

    p: float
    scores: Floats
    null: str
    n_units: int
    least: float
    reason: str = ""
    by_group: bool = False

    @property
    def description(self) -> str:
        """Return the null and its number of observations, or why there is none.

        Returns
        -------
        str
            Null and its number of observations.
        """
        if self.reason:
            return f"no test against chance is possible, because {self.reason}"
        text = _named(self.null, self.n_units)
        if self.least > LEVEL:
            text += f", which allows no p below {self.least:.2g}, so that chance cannot be excluded"
        return text


def _named(null: str, n_units: int) -> str:
    for name, noun in ((SEQUENCES, "sequences"), (GROUPS, "groups")):
        if null == name:
            return f"permuted over {n_units} {noun}"
    return null


def changes(path: Ints) -> bool:
    """Return whether labels change within any sequence.

    Parameters
    ----------
    path : ndarray of shape (sequence, time)
        Labels, below 0 where unknown.

    Returns
    -------
    bool
        Whether labels change within any sequence.
    """
    return any(len(np.unique(row[row >= 0])) > 1 for row in path)


def comparable(truth: Ints) -> bool:
    """Return whether there are two labels or more.

    Parameters
    ----------
    truth : ndarray of shape (sequence, time)
        Labels, below 0 where unknown.

    Returns
    -------
    bool
        Whether there are two labels or more.
    """
    return len(np.unique(truth[truth >= 0])) > 1


def constant_within(truth: Ints, group: Ints) -> bool:
    """Return whether each group of sequences has one label in all of its known steps.

    Parameters
    ----------
    truth : ndarray of shape (sequence, time)
        Labels, below 0 where unknown.
    group : ndarray of shape (sequence,)
        To whom or what each sequence belongs.

    Returns
    -------
    bool
        Whether each group of sequences has one label in all of its known steps.
    """
    parts = (truth[group == kind] for kind in np.unique(group))
    return all(len(np.unique(part[part >= 0])) <= 1 for part in parts)


class _Blocks(NamedTuple):
    """Truths that are constant, and which may be exchanged.

    labels : (unit)
    members : (unit), the sequences of each unit
    strata : (unit), units permute within a stratum only
    """

    labels: Ints
    members: list[NDArray[np.intp]]
    strata: Ints


def agreement_test(
    truth: Ints,
    found: Ints,
    length: Ints,
    score: Callable[[Ints, Ints], float],
    n_draws: int,
    rng: np.random.Generator,
    group: Ints | None = None,
) -> AgreementTest:
    """Test whether ``score(truth, found)`` is larger than chance gives.

    Sequences in which the truth changes are shifted circularly; labels of the others are permuted
    over these sequences. Where groups are given and the truth is constant within each, labels are
    permuted over groups; where it differs within groups, over the sequences of each group. All
    rearrangements are tried where there are no more than ``n_draws + 1``, so that p is exact;
    otherwise ``n_draws`` random ones (Davison & Hinkley 1997, eq. 4.11).

    Parameters
    ----------
    truth, found : ndarray of shape (sequence, time)
        Labels, -1 where unknown.
    length : ndarray of shape (sequence,)
        Number of steps.
    score : callable
        Takes truth and found and returns a number.
    n_draws : int
        Largest number of random rearrangements.
    rng : numpy.random.Generator
        Source of the rearrangements.
    group : ndarray of shape (sequence,), optional
        To whom or what each sequence belongs; None for no groups.

    Returns
    -------
    AgreementTest
        Without a p value where no test is possible.

    Examples
    --------
    >>> from hmmlens.stats.agreement import rand_index
    >>> rng = np.random.default_rng(0)
    >>> truth = (rng.random((10, 80)) < 0.1).cumsum(axis=1) % 2
    >>> test = agreement_test(truth, 1 - truth, np.full(10, 80), rand_index, 99, rng)
    >>> test.p
    0.01
    """
    known = truth >= 0
    labels = [np.unique(row[row >= 0]) for row in truth]
    moving = np.array([len(kinds) > 1 for kinds in labels], dtype=bool)
    fixed = np.flatnonzero([len(kinds) == 1 for kinds in labels])
    blocks, null, by_group = _blocks(np.array([labels[i][0] for i in fixed], int), fixed, group)
    n_orders = _n_orders(blocks)
    parts = ([SHIFTED] if moving.any() else []) + ([null] if n_orders > 1 else [])
    if not parts:
        return AgreementTest(np.nan, np.empty(0), NONE, 0, 1.0, _why_not(blocks, by_group))
    if n_orders <= 1:
        by_group = False
    name = " where it changes, ".join(parts) + (" elsewhere" if len(parts) > 1 else "")
    n_units = int(moving.sum()) + (_n_mobile(blocks) if n_orders > 1 else 0)
    observed = score(truth, found)

    rows = np.concatenate([*blocks.members, np.empty(0, int)]).astype(int)
    unit = np.repeat(np.arange(len(blocks.labels)), [len(one) for one in blocks.members])

    def _permuted(order: Ints, shifted: Ints) -> Ints:
        out = shifted.copy()
        out[rows] = np.where(known[rows], blocks.labels[order][unit][:, None], -1)
        return out

    n_shifts = math.prod(int(n) for n in np.asarray(length)[moving])
    if n_shifts * n_orders <= n_draws + 1:
        scores = np.array(
            [
                score(_permuted(order, shifted), found)
                for shifted in _all_shifts(truth, length, np.flatnonzero(moving))
                for order in _all_orders(blocks)
            ]
        )
        p = float((scores >= observed - ROUNDING).mean())
        least = float((scores >= scores.max() - ROUNDING).mean())
    else:
        random_scores = []
        for _ in range(n_draws):
            shifted = np.where(moving[:, None], circular_shifts(truth, length, rng), truth)
            order = _random_order(blocks, rng) if n_orders > 1 else np.arange(len(blocks.labels))
            random_scores.append(score(_permuted(order, shifted), found))
        scores = np.array(random_scores)
        p, least = p_value(observed, scores), 1 / (1 + n_draws)
    compared = found[known & (found >= 0)]
    same = np.abs(scores - observed).max() <= ROUNDING
    if same and len(np.unique(compared)) > 1:
        why = f"the agreement is the same with any truth that is {_named(name, n_units)}"
        return AgreementTest(np.nan, scores, NONE, n_units, 1.0, why, by_group)
    return AgreementTest(p, scores, name, n_units, least, "", by_group)


def _blocks(labels: Ints, rows: NDArray[np.intp], group: Ints | None) -> tuple[_Blocks, str, bool]:
    """Return what can be exchanged, the name of that null, and whether units are groups."""
    single = _Blocks(labels, [rows[[i]] for i in range(len(rows))], np.zeros(len(rows), int))
    if group is None or len(np.unique(group[rows])) == len(rows):
        return single, SEQUENCES, False
    kinds, place = np.unique(group[rows], return_inverse=True)
    of_group = [np.unique(labels[place == i]) for i in range(len(kinds))]
    if all(len(found) == 1 for found in of_group):
        members = [rows[place == i] for i in range(len(kinds))]
        whole = np.array([found[0] for found in of_group])
        return _Blocks(whole, members, np.zeros(len(kinds), int)), GROUPS, True
    return single._replace(strata=place), WITHIN, False


def _strata(blocks: _Blocks) -> list[NDArray[np.intp]]:
    return [np.flatnonzero(blocks.strata == kind) for kind in np.unique(blocks.strata)]


def _n_orders(blocks: _Blocks) -> int:
    """Return how many different ways there are to put the labels."""
    n = 1
    for units in _strata(blocks):
        _, counts = np.unique(blocks.labels[units], return_counts=True)
        n *= math.factorial(len(units)) // math.prod(math.factorial(int(c)) for c in counts)
    return n


def _n_mobile(blocks: _Blocks) -> int:
    """Return the number of units in strata with more than one label."""
    return sum(len(units) for units in _strata(blocks) if np.ptp(blocks.labels[units]) > 0)


def _random_order(blocks: _Blocks, rng: np.random.Generator) -> NDArray[np.intp]:
    order = np.arange(len(blocks.labels))
    for units in _strata(blocks):
        order[units] = rng.permutation(units)
    return order


def _all_orders(blocks: _Blocks) -> Iterator[NDArray[np.intp]]:
    """Yield an order of the units for each different way to put the labels."""
    strata = _strata(blocks)
    ways = [list(_arrangements(blocks.labels[units].tolist())) for units in strata]
    for way in itertools.product(*ways):
        order = np.arange(len(blocks.labels))
        for units, places in zip(strata, way, strict=True):
            order[units] = units[list(places)]
        yield order


def _arrangements(labels: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Yield an order of places for each different sequence of the labels."""
    left: dict[int, list[int]] = {}
    for place, label in enumerate(labels):
        left.setdefault(label, []).append(place)

    def grow(taken: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        if len(taken) == len(labels):
            yield taken
            return
        for places in left.values():
            if places:
                place = places.pop()
                yield from grow((*taken, place))
                places.append(place)

    return grow(())


def _all_shifts(truth: Ints, length: Ints, rows: NDArray[np.intp]) -> Iterator[Ints]:
    for steps in itertools.product(*(range(int(length[row])) for row in rows)):
        out = truth.copy()
        for row, step in zip(rows, steps, strict=True):
            n = int(length[row])
            out[row, :n] = np.roll(truth[row, :n], step)
        yield out


def _why_not(blocks: _Blocks, by_group: bool) -> str:
    unit = "group" if by_group else "sequence"
    if not len(blocks.labels):
        return "no step has a known truth"
    if np.ptp(blocks.labels) > 0:
        return "the truth is constant within each sequence and differs only between groups"
    return f"the truth is one and the same in every {unit}"
