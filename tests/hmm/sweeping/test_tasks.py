"""A sweep gives the same numbers by every engine and any number of processes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from hmmlens.errors import DataError
from hmmlens.hmm import HMMSweep, selection
from hmmlens.hmm.engine.initialisation import InitialisationSettings, initialise_gaussian
from hmmlens.hmm.sweeping import tasks
from hmmlens.hmm.sweeping.audit import audit
from hmmlens.hmm.sweeping.rows import n_floored

LENGTHS = np.array([40, 25, 40, 1, 33, 40])


def frames(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    states = (np.arange(6 * 40) // 5).reshape(6, 40) % 3
    return np.array([[0.0, 0], [4, 0], [0, 4]])[states] + rng.normal(size=(6, 40, 2))


def symbols(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    states = (np.arange(6 * 40) // 5).reshape(6, 40) % 3
    return np.where(rng.random(states.shape) < 0.7, states, rng.integers(0, 3, states.shape))


def sweep(X: np.ndarray, **options: Any) -> HMMSweep:
    emission = "gaussian" if X.ndim == 3 else "categorical"
    kinds = ["tied", "full", "diag", "spherical"]
    given = {"n_restarts": 3, "max_iter": 6, "tol": 1e-12, "emission": emission} | options
    return HMMSweep([1, 2, 3], kinds, **given).fit(X, LENGTHS, X[:2], LENGTHS[:2])


def same_bits(one: HMMSweep, two: HMMSweep) -> None:
    tables = [s.results_.drop(columns="seconds") for s in (one, two)]
    pd.testing.assert_frame_equal(*tables, check_exact=True)
    assert one.models_.keys() == two.models_.keys()
    for key, model in one.models_.items():
        for name in ("startprob_", "transmat_", "means_", "covars_", "emissionprob_"):
            if hasattr(model, name):
                np.testing.assert_array_equal(getattr(model, name), getattr(two.models_[key], name))


@pytest.mark.parametrize("X", [frames(), symbols()], ids=["values", "symbols"])
def test_processes_and_second_runs_give_the_same_bits(X: np.ndarray) -> None:
    one = sweep(X)
    same_bits(one, sweep(X, n_jobs=2))
    same_bits(one, sweep(X))


@pytest.mark.parametrize("engine", ["hmmlearn", "torch"])
@pytest.mark.parametrize("X", [frames(), symbols()], ids=["values", "symbols"])
def test_engines_give_the_same(X: np.ndarray, engine: str) -> None:
    ours, theirs = sweep(X), sweep(X, engine=engine, device="cpu")
    # hmmlearn stops by the likelihood and ours by what EM maximises; neither stops here.
    assert set(ours.results_.query("n_states > 1")["n_iter"]) == {6}
    skip = ["seconds", "n_drops", "converged", "n_iter"]
    pd.testing.assert_frame_equal(
        ours.results_.drop(columns=skip), theirs.results_.drop(columns=skip), rtol=1e-8, atol=1e-6
    )
    assert not ours.results_["n_drops"].any()


def test_blocks_of_sequences_give_the_same() -> None:
    X = frames()
    # Room for a sequence or two at a time.
    small = sweep(X, memory_limit=60_000).results_.drop(columns="seconds")
    pd.testing.assert_frame_equal(sweep(X).results_.drop(columns="seconds"), small, rtol=1e-9)


def test_flat_frames_with_lengths_give_the_same() -> None:
    X = frames()
    inside = np.arange(40) < LENGTHS[:, None]
    flat = HMMSweep([2], n_restarts=2, max_iter=4).fit(X[inside], LENGTHS)
    whole = HMMSweep([2], n_restarts=2, max_iter=4).fit(X, LENGTHS)
    same_bits(flat, whole)


@pytest.mark.parametrize("engine", ["numpy", "hmmlearn"])
def test_symbol_that_train_never_showed_has_the_probability_of_smoothing(engine: str) -> None:
    X, unseen = symbols(), np.full((1, 2), 4)
    options: dict[str, Any] = {"emission": "categorical", "max_iter": 30, "engine": engine}
    (one, *more) = (
        HMMSweep([1, 3], smoothing=0.5, **options).fit(X, held_out=unseen).results_["held_out"]
    )
    # Lidstone's law of five symbols, of which the train data show three.
    assert one == pytest.approx(np.log(0.5 / (X.size + 5 * 0.5)))
    assert np.isfinite(more).all()
    honest = HMMSweep([1, 3], smoothing=0, **options).fit(X, held_out=unseen)
    assert (honest.results_["held_out"] == -np.inf).all()
    assert np.isfinite(honest.results_["log_likelihood"]).all()


def test_symbols_can_be_given_beforehand() -> None:
    X = symbols()
    found = HMMSweep([2], emission="categorical", n_symbols=7, max_iter=3).fit(X)
    assert found.models_["none", 2].emissionprob_.shape == (2, 7)  # type: ignore[attr-defined]
    with pytest.raises(DataError, match=r"X holds a symbol outside 0 to 1: 2 at .* larger number"):
        HMMSweep([2], emission="categorical", n_symbols=2).fit(X)
    with pytest.raises(DataError, match="held_out holds a symbol outside 0 to 2: 5"):
        HMMSweep([1], emission="categorical", n_symbols=3).fit(X, held_out=X + 5)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"engine": "abacus"}, "engine must be one of numpy, torch, hmmlearn, found 'abacus'"),
        ({"engine": "torch", "device": "abacus"}, "device must be auto, cpu or cuda, found"),
        ({"n_states": []}, r"n_states must hold each number once, found \[\]"),
        ({"n_states": [2, 2]}, "n_states must hold each number once"),
        ({"n_states": [0, 1]}, "each of n_states must be a whole number of 1 or more, found 0"),
        ({"n_states": [1.5]}, "each of n_states must be a whole number of 1 or more, found 1.5"),
        ({"n_restarts": 0}, "n_restarts must be a whole number of 1 or more, found 0"),
        ({"max_iter": 0}, "max_iter must be a whole number of 1 or more"),
        ({"covariance_types": ["round"]}, "covariance_types must be some of spherical, diag"),
        ({"covariance_types": []}, "covariance_types must be some of"),
        ({"emission": "light"}, "emission must be gaussian or categorical, found 'light'"),
        ({"min_covar": -1.0}, "min_covar must be a number of 0 or more, found -1.0"),
        ({"smoothing": np.nan}, "smoothing must be a number of 0 or more, found nan"),
        ({"n_symbols": 0}, "n_symbols must be a whole number of 1 or more"),
    ],
)
def test_settings_of_no_use_are_reported(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        HMMSweep(**({"n_states": [1]} | options)).fit(frames())


def test_missing_cuda_is_reported() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("torch sees a CUDA device")
    with pytest.raises(DataError, match="device is cuda, but torch sees no CUDA device; use auto"):
        HMMSweep([1], engine="torch", device="cuda").fit(frames())


def test_constant_components_are_named() -> None:
    X = np.concatenate([frames(), np.ones((6, 40, 1))], axis=2)
    found = HMMSweep([1, 2], max_iter=5).fit(X)
    assert found.constant_ == [2]
    assert found.results_["n_floored"].tolist() == [1] * len(found.results_)


def test_broken_fit_is_a_row_without_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    # One frame so large that its square is infinite; such data are refused otherwise.
    monkeypatch.setattr("hmmlens.arrays.LARGEST", np.inf)
    X = frames()
    X[0, 0] = 1e200
    with np.errstate(all="ignore"):
        found = HMMSweep([1], max_iter=5).fit(X).results_
    assert found["log_likelihood"].isna().all()
    assert not found["converged"].any()


def test_starts_take_turns() -> None:
    X = frames().reshape(-1, 2)
    kmeans = initialise_gaussian(X, 3, 0.0, 1)
    seeds = initialise_gaussian(X, 3, 0.0, 1, polish=False)
    wide = initialise_gaussian(X, 3, 0.0, 1, spread=True)
    np.testing.assert_allclose(wide["covariance"], np.cov(X.T, bias=True))
    volume = [np.linalg.det(start["covariance"]) for start in (kmeans, seeds, wide)]
    assert volume[0] < volume[1] < volume[2]
    # The centres of k-means are the means of the frames next to them, and stay.
    nearest = ((X[:, None] - kmeans["means"]) ** 2).sum(axis=2).argmin(axis=1)
    centres = [X[nearest == k].mean(axis=0) for k in range(3)]
    np.testing.assert_allclose(kmeans["means"], centres)


def test_settings_of_the_initialisation_reach_it() -> None:
    X = frames()
    same = HMMSweep([3], max_iter=1, n_restarts=1, initialisation=InitialisationSettings()).fit(X)
    default = HMMSweep([3], max_iter=1, n_restarts=1).fit(X)
    np.testing.assert_array_equal(
        same.models_["tied", 3].transmat_, default.models_["tied", 3].transmat_
    )
    loose = InitialisationSettings(kmeans_frames=3, kmeans_steps=1, stay=0.0)
    start = initialise_gaussian(X.reshape(-1, 2), 3, 0.0, 1, settings=loose)
    np.testing.assert_allclose(start["transmat"], 1 / 3)
    # Three frames are their own clusters.
    np.testing.assert_allclose(start["covariance"], 0, atol=1e-12)
    found = HMMSweep([3], max_iter=1, n_restarts=1, initialisation=loose).fit(X)
    assert not np.allclose(found.models_["tied", 3].transmat_, default.models_["tied", 3].transmat_)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stay": 1.0}, r"initialisation\.stay must be below 1, found 1\.0"),
        ({"kmeans_steps": 0}, r"initialisation\.kmeans_steps"),
    ],
)
def test_initialisation_of_no_use_is_refused(change: dict[str, float], message: str) -> None:
    settings = InitialisationSettings(**change)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=message):
        HMMSweep([2], initialisation=settings).fit(frames())


@pytest.mark.parametrize("memory", [0.0, 0.6, 0.9])
def test_effective_sample_size_is_that_of_an_autoregression(memory: float) -> None:
    rng = np.random.default_rng(0)
    lengths = np.full(40, 1000)
    noise = rng.normal(size=(40, 1000, 2))
    x = np.zeros_like(noise)
    x[:, 0] = noise[:, 0] / np.sqrt(1 - memory**2)
    for t in range(1, 1000):
        x[:, t] = memory * x[:, t - 1] + noise[:, t]
    sizes = selection.sample_sizes(x.reshape(-1, 2), lengths)
    # The autocorrelation time of a first-order autoregression is (1 + a) / (1 - a).
    assert sizes[:2] == (40_000, 40)
    assert sizes.n_effective == pytest.approx(40_000 * (1 - memory) / (1 + memory), rel=0.1)


def results(*rows: tuple[Any, ...]) -> pd.DataFrame:
    names = ["n_states", "restart", "log_likelihood", "n_parameters", "min_occupancy"]
    table = pd.DataFrame(rows, columns=names)
    return table.assign(covariance_type="full", n_floored=0, n_drops=0)


def test_sample_size_that_changes_the_choice_is_reported() -> None:
    table = results((1, 0, -1000.0, 2, 500), (2, 0, -990.0, 6, 200), (3, 0, -987.0, 12, 100))
    sizes = selection.SampleSizes(500, 2, 5.0)
    found = selection.bic_by_sample_size(table, sizes)
    # By hand: 2 * 10 against 4 log N, 2 * 3 against 6 log N.
    assert found[:3] == (1, 3, 2)
    assert found.sentence == (
        "BIC chooses 1 state if every frame counts (N = 500), 2 if correlated frames count once "
        "(N = 5), 3 if sequences do (N = 2)."
    )
    same = selection.bic_by_sample_size(table, selection.SampleSizes(500, 400, 450.0))
    assert same.sentence == "BIC chooses 1 state, whether it counts frames or sequences."


def test_audit_names_what_is_doubtful() -> None:
    table = results(
        (1, 0, -1000.0, 2, 500), (2, 0, -900.0, 6, 196), (2, 1, -950.0, 6, 400),
        (3, 0, -890.0, 9, 320), (3, 1, -891.0, 9, 320), (3, 2, np.nan, 9, np.nan),
    )  # fmt: skip
    table.loc[3, "n_floored"] = 2
    table.loc[4, "n_drops"] = 1
    sizes = selection.SampleSizes(800, 8, 200.0)
    found = audit(table, n_components=2, sizes=sizes).set_index("n_states")
    assert found["warning"].tolist() == [
        "",
        "no other restart comes within 1 % of the best likelihood; "
        "a state holds 196 frames, worth 49 independent ones; 50 are needed",
        "1 of 3 restarts broke down; 2 directions without width but the floor; "
        "the likelihood fell in 1 step of EM",
    ]
    assert found["share_near_best"].tolist() == [1.0, 0.5, 1.0]
    assert found["min_effective"].tolist() == [125.0, 49.0, 80.0]
    # Five frames for each component, where that is more.
    assert (
        "320 frames, worth 80 independent ones; 100 are needed"
        in audit(table, 20, sizes).set_index("n_states").loc[3, "warning"]
    )


def test_settings_reach_the_tasks() -> None:
    X = frames()
    found = HMMSweep([3], n_restarts=10, max_iter=30, tol=1e-12, halving=True).fit(X).results_
    assert sorted(found["n_iter"].value_counts().to_dict().items())[0] == (10, 5)
    assert len(found) == 10
    assert n_floored(None, 1.0) == 0


def test_initialisations_are_made_once_for_all_covariance_types(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[tuple[int, int]] = []
    once = tasks.initialise

    def counted(data: Any, settings: Any, n_states: int, n_kinds: int) -> tasks.Initialisations:
        made.append((n_states, n_kinds))
        return once(data, settings, n_states, n_kinds)

    monkeypatch.setattr(tasks, "initialise", counted)
    together = sweep(frames())
    assert made == [(1, 4), (2, 4), (3, 4)]
    # What else is fitted does not change them.
    alone = HMMSweep([3], "full", n_restarts=3, max_iter=6, tol=1e-12).fit(frames(), LENGTHS)
    np.testing.assert_array_equal(
        together.models_["full", 3].means_, alone.models_["full", 3].means_
    )
