"""States that are there come again; states that are not, do not."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from hmmlens.hmm.models import GaussianHMM
from hmmlens.validation.chosen_model import Chosen
from hmmlens.validation.input_output import InputOutput
from hmmlens.validation.model_checks import stability

N_SEQUENCES, N_STEPS = 30, 60


def chosen(values: np.ndarray, n_states: int) -> Chosen:
    """Return a model of ``n_states`` tied states of ``values``; no more of it than is used here."""
    split = np.arange(len(values)) % 3
    length = np.full(len(values), values.shape[1])
    length[2] = 40
    model = GaussianHMM.from_parameters(
        np.full(n_states, 1 / n_states), np.full((n_states, n_states), 1 / n_states),
        np.zeros((n_states, 2)), np.stack([np.eye(2)] * n_states), "tied",
    )  # fmt: skip
    posteriors = np.zeros((*values.shape[:2], n_states))
    driven = InputOutput(values, np.zeros(values.shape[:2], dtype=np.int64), 1, {})
    truth = np.full(values.shape[:2], -1)
    return Chosen(model, values, posteriors, driven, values, length, split, truth, 5)


def three_places(rng: np.random.Generator) -> np.ndarray:
    path = np.repeat(rng.integers(0, 3, (N_SEQUENCES, N_STEPS // 6)), 6, axis=1)
    places = np.array([[0.0, 3], [3, -2], [-3, -2]])
    return places[path] + 0.4 * rng.normal(size=(*path.shape, 2))


def disc(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(size=(N_SEQUENCES, N_STEPS, 2))


@pytest.mark.parametrize("name", stability.CHECKS)
def test_real_states_come_again_and_cuts_of_a_cloud_do_not(name: str) -> None:
    check = stability.CHECKS[name]
    real = check(chosen(three_places(np.random.default_rng(0)), 3), np.random.default_rng(1))
    assert real.holds and real.value > 0.97
    cuts = check(chosen(disc(np.random.default_rng(0)), 8), np.random.default_rng(1))
    assert cuts.holds is False and cuts.value < 0.7
    assert "not the same states" in cuts.sentence


def test_agreement_is_the_mean_over_pairs() -> None:
    rng = np.random.default_rng(2)
    paths = [rng.integers(0, 3, (4, 20)) for _ in range(3)]
    paths[0][1, 15:] = -1
    known = paths[0] >= 0
    pairs = [(0, 1), (0, 2), (1, 2)]
    wanted = [
        adjusted_rand_score(*(paths[i][known if 0 in pair else known >= 0] for i in pair))
        for pair in pairs
    ]
    assert stability.pairwise(paths) == pytest.approx(wanted)
    found = stability.trainings(paths)
    assert found.value == pytest.approx(np.mean(wanted))
    assert (found.low, found.high) == pytest.approx((min(wanted), max(wanted)))


def test_trainings_that_cannot_be_compared_are_named() -> None:
    path = np.zeros((3, 5), dtype=int)
    assert stability.trainings([path]).holds is None
    assert "same sequences" in stability.trainings([path, path[:, :4]]).sentence
    # The same states under other names.
    renamed = np.array([[0, 1, 1, 2, 0]])
    assert stability.trainings([renamed, 2 - renamed]).value == 1
