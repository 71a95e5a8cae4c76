"""Recovery of a target by a network that is the target."""

from __future__ import annotations

import numpy as np
import pytest

from hmmlens.datasets.synthetic.generators import HMMParameters
from hmmlens.dynamics.forecasts import Runs
from hmmlens.emulation.states.recovery import (
    count_joint,
    emit_symbols,
    state_recovery,
    transition_recovery,
)
from hmmlens.emulation.states.state_models import StateModel
from hmmlens.stats.transitions import stationary
from tests.dynamics.test_forecasts import EMISSION, TRANSMAT
from tests.emulation.planted import Wells
from tests.emulation.states.test_interchange import SPLIT, planted

HMM = HMMParameters(stationary(TRANSMAT), TRANSMAT, EMISSION)


@pytest.fixture(scope="module")
def made() -> tuple[Runs, StateModel]:
    return planted(Wells(TRANSMAT, EMISSION), TRANSMAT)


def test_a_network_that_is_the_target_reaches_the_ceiling(made: tuple[Runs, StateModel]) -> None:
    runs, model = made
    both = emit_symbols(runs, HMM, np.random.default_rng(0))
    table = state_recovery(model, *both, SPLIT, np.random.default_rng(0))
    np.testing.assert_allclose(table["share"], 1, atol=0.12)
    assert (table["low"] > table["chance"]).all()
    assert (table["ceiling"] < 0.95).all()
    wide = table.set_index(["reference", "score"])["value"]
    assert (wide["exact smoother"] > wide["exact filter"]).all()
    far = transition_recovery(model, HMM, *both, np.random.default_rng(0)).set_index("transitions")
    assert far.loc["fitted", "distance"] == pytest.approx(0, abs=1e-6)
    # 2,400 steps: as close as the target's own states.
    assert far.loc["counted", "distance"] < 0.05 and far.loc["target's states", "distance"] < 0.05
    assert far.loc["network's symbols", "distance"] == pytest.approx(
        far.loc["target's symbols", "distance"], abs=0.05
    )


def test_states_that_have_nothing_to_do_with_the_target_score_nothing(
    made: tuple[Runs, StateModel],
) -> None:
    runs, model = made
    mixed = model._replace(posteriors=np.random.default_rng(0).permuted(model.posteriors, axis=1))
    both = emit_symbols(runs, HMM, np.random.default_rng(0))
    table = state_recovery(mixed, *both, SPLIT, np.random.default_rng(0)).set_index(
        ["reference", "score"]
    )
    assert table["value"].xs("ari", level="score").abs().max() < 0.06
    accuracy = table.xs("accuracy", level="score")
    np.testing.assert_allclose(accuracy["value"], accuracy["chance"], atol=0.03)
    far = transition_recovery(mixed, HMM, *both, np.random.default_rng(0)).set_index("transitions")
    assert far.loc["counted", "low"] > 0.3


def test_more_states_than_the_target_are_lumped(made: tuple[Runs, StateModel]) -> None:
    runs, model = made
    halves = (
        np.repeat(model.posteriors, 2, axis=2)
        * (np.arange(runs.distribution.shape[1]) % 2 == np.tile([0, 1], 3)[:, None]).T
    )
    hmm = model.hmm
    hmm = type(hmm).from_parameters(
        np.full(6, 1 / 6), np.kron(hmm.transmat_, np.full((2, 2), 0.5)),
        np.repeat(hmm.means_, 2, axis=0), np.repeat(hmm.covars_, 2, axis=0), "tied",
    )  # fmt: skip
    double = model._replace(
        posteriors=halves, hmm=hmm, emission=np.repeat(model.emission, 2, axis=0)
    )
    both = emit_symbols(runs, HMM, np.random.default_rng(0))
    far = transition_recovery(double, HMM, *both, np.random.default_rng(0)).set_index("transitions")
    assert far.loc["fitted", ["distance", "defect"]].max() < 0.02
    assert far.loc["counted", "distance"] < 0.05
    one, six = (state_recovery(m, *both, SPLIT, np.random.default_rng(0)) for m in (model, double))
    np.testing.assert_allclose(
        one["value"][one["score"] == "accuracy"], six["value"][six["score"] == "accuracy"]
    )
    assert (six["value"] < one["value"])[six["score"] == "ari"].all()


def test_steps_are_shared_among_target_states() -> None:
    posterior = np.array([[[0.25, 0.75], [1.0, 0.0], [0.5, 0.5]]])
    counts = count_joint(posterior, np.array([[0, 2, 0]]), 3)
    np.testing.assert_allclose(counts, [[[0.75, 0, 1], [1.25, 0, 0]]])


def test_the_target_begins_in_the_middle_of_its_run(made: tuple[Runs, StateModel]) -> None:
    runs = Runs(made[0].entries, np.tile(made[0].distribution[:, :5], (100, 1, 1)))
    start = HMMParameters(np.array([1.0, 0.0, 0.0]), TRANSMAT, EMISSION)
    _, target = emit_symbols(runs, start, np.random.default_rng(0))
    share = np.bincount(target.states[:, 0], minlength=3) / len(target.states)
    # 2,000 first states: a standard error of .011.
    np.testing.assert_allclose(share, stationary(TRANSMAT), atol=0.05)
