"""Seeds depend on the study's seed and the job's name alone."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hmmlens.seeds import derive_seed

NAMES = st.lists(st.from_regex(r"[a-z0-9][a-z0-9-]{0,8}", fullmatch=True), max_size=4)


@pytest.mark.parametrize(
    ("study_seed", "names", "known"),
    [
        (0, (), 396505482),
        (1, ("train", "fully3-gru", 0), 381213308),
        (1, ("train", "fully3-gru", 1), 1665704359),
        (2, ("train", "fully3-gru", 0), 4060263098),
    ],
)
def test_known_values(study_seed: int, names: tuple[str | int, ...], known: int) -> None:
    """A seed that changed would change every result made before."""
    assert derive_seed(study_seed, *names) == known


def test_is_numpy_seed_sequence_of_the_hashed_name() -> None:
    digest = hashlib.sha256(b"sweep/a/3").digest()
    words = [int.from_bytes(digest[i : i + 4], "little") for i in range(0, 32, 4)]
    wanted = np.random.SeedSequence([7, *words]).generate_state(1)[0]
    assert derive_seed(7, "sweep", "a", 3) == wanted


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), NAMES, NAMES)
def test_other_names_give_other_seeds(study_seed: int, one: list[str], two: list[str]) -> None:
    assert 0 <= derive_seed(study_seed, *one) < 2**32
    same = derive_seed(study_seed, *one) == derive_seed(study_seed, *two)
    assert same == (one == two)


def test_many_jobs_share_no_seed_and_fill_the_range() -> None:
    seeds = np.array([derive_seed(1, "job", i) for i in range(2000)])
    assert len(set(seeds.tolist())) == 2000
    # Uniform on [0, 2**32): the mean of 2000 has a standard error of .0065 of the range.
    assert abs(seeds.mean() / 2**32 - 0.5) < 0.03
    assert abs(np.corrcoef(seeds[:-1], seeds[1:])[0, 1]) < 0.1
