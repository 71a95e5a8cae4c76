"""States of the beginning of sequences, against paths whose transients are known."""

import numpy as np

from hmmlens.interpretation.start_up import start_up_steps


def path_of(n_sequences: int, n_steps: int, n_transient: int) -> np.ndarray:
    """Return paths that begin in state 2, and then are in state 0 or 1 at random."""
    path = np.random.default_rng(0).integers(0, 2, size=(n_sequences, n_steps))
    path[:, :n_transient] = 2
    return path


def test_only_the_state_of_the_beginning_is_a_start_up_state() -> None:
    for n_transient in (1, 3, 10):
        found = start_up_steps(path_of(20, 80, n_transient), 4)
        # The beginning is an eighth of 80 steps; the fourth state is never visited.
        np.testing.assert_array_equal(found, [np.nan, np.nan, n_transient, np.nan])
    assert np.isnan(start_up_steps(path_of(20, 80, 11), 3)).all()


def test_a_state_that_comes_back_is_none_but_for_a_single_step() -> None:
    path = path_of(100, 80, 2)
    path[0, 70] = 2
    # One of 201 steps is less than a hundredth; three are more.
    assert start_up_steps(path, 3)[2] == 2
    path[:3, 60] = 2
    assert np.isnan(start_up_steps(path, 3)).all()


def test_few_sequences_do_not_exclude_chance() -> None:
    path = path_of(20, 80, 0)
    path[:3, 0] = 2
    # Three single steps all lie in an eighth by chance in (1/8)^3 = 0.2 % of the cases.
    assert np.isnan(start_up_steps(path, 3)).all()
    path[3, 0] = 2
    assert start_up_steps(path, 3)[2] == 1


def test_padding_is_not_visited() -> None:
    path = path_of(20, 80, 2)
    path[:, 40:] = -1
    assert start_up_steps(path, 3)[2] == 2
    assert np.isnan(start_up_steps(np.full((3, 5), -1), 2)).all()
