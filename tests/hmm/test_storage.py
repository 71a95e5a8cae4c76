"""A sweep comes back from disk as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hmmlens.errors import DataError, StoreError
from hmmlens.hmm import HMMSweep, selection, storage
from hmmlens.hmm.models import CategoricalHMM, GaussianHMM
from hmmlens.hmm.sweeping import audit, hmmlearn_engine
from hmmlens.hmm.sweeping.hmmlearn_engine import Fit
from hmmlens.io import store


def frames(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 3 * rng.integers(0, 2, size=(5, 20, 1)) + rng.normal(size=(5, 20, 3))


def through_disk(sweep: HMMSweep, folder: Path) -> Any:
    store.write(storage.to_dataset(sweep), folder / "sweep.zarr", "sweep", {"seed": 1})
    return store.read(folder / "sweep.zarr", "sweep").load()


@pytest.mark.parametrize("types", [["tied"], ["spherical", "full", "diag"]], ids=["one", "three"])
def test_gaussian_sweep_comes_back(tmp_path: Path, types: list[str]) -> None:
    X = frames()
    sweep = HMMSweep([1, 2, 4], types, n_restarts=2, max_iter=4).fit(X, None, X)
    data = through_disk(sweep, tmp_path)
    assert data.attrs["n_frames"] == 100
    found = storage.results(data)
    pd.testing.assert_frame_equal(found[sweep.results_.columns], sweep.results_, check_exact=True)
    for (kind, n_states), model in sweep.models_.items():
        again = storage.model(data, kind, n_states)
        assert isinstance(again, GaussianHMM)
        assert again.covariance_type == kind
        for name in ("startprob_", "transmat_", "means_", "covars_"):
            np.testing.assert_array_equal(getattr(again, name), getattr(model, name))
        assert again.score(X) == model.score(X)
        assert again.n_parameters == model.n_parameters


def test_kept_restarts_come_back(tmp_path: Path) -> None:
    """Of every other kind of initialisation the most likely restart, the best of all first."""
    X = np.random.default_rng(0).normal(size=(8, 30, 3))
    sweep = HMMSweep([1, 2, 5], ["tied", "full"], n_restarts=6, max_iter=3).fit(X)
    data = through_disk(sweep, tmp_path)
    table = sweep.results_.groupby(["covariance_type", "n_states"])["log_likelihood"]
    n_kept = []
    for (kind, n_states), kept in sweep.restarts_.items():
        scores = table.get_group((kind, n_states)).to_numpy()
        (first, *second) = kept
        assert scores[first] == scores.max()
        if second:
            others = scores[(first + 1) % 2 :: 2]
            assert scores[second[0]] == others.max() < scores.max()
        assert storage.kept_restarts(data, kind, n_states) == list(kept)
        assert sweep.models_[kind, n_states] is kept[first]
        for restart, model in kept.items():
            again = storage.model(data, kind, n_states, restart)
            np.testing.assert_array_equal(again.transmat_, model.transmat_)
            np.testing.assert_array_equal(again.covars_, model.covars_)
            assert again.score(X) == pytest.approx(scores[restart], rel=1e-9)
        n_kept.append(len(kept))
    assert n_kept[0] == 1
    assert 2 in n_kept
    with pytest.raises(StoreError, match="no parameters of restart 9 of the tied model with 2"):
        storage.model(data, "tied", 2, 9)


@pytest.mark.parametrize("options", [{"wide_initialisation": False}, {"emission": "categorical"}])
def test_restarts_of_one_kind_keep_the_most_likely_alone(options: dict[str, Any]) -> None:
    X = frames() if "emission" not in options else np.arange(100).reshape(5, 20) % 7 % 3
    sweep = HMMSweep([1, 3], n_restarts=4, max_iter=3, **options).fit(X)
    assert [len(kept) for kept in sweep.restarts_.values()] == [1, 1]


def test_categorical_sweep_comes_back(tmp_path: Path) -> None:
    X = np.random.default_rng(0).integers(0, 3, size=(5, 20))
    sweep = HMMSweep([1, 3], n_restarts=2, max_iter=4, emission="categorical").fit(X)
    data = through_disk(sweep, tmp_path)
    found = storage.results(data)
    pd.testing.assert_frame_equal(found[sweep.results_.columns], sweep.results_)
    assert found["held_out"].isna().all()
    for n_states in (1, 3):
        model, again = sweep.models_["none", n_states], storage.model(data, "none", n_states)
        assert isinstance(again, CategoricalHMM)
        for name in ("startprob_", "transmat_", "emissionprob_"):
            np.testing.assert_array_equal(getattr(again, name), getattr(model, name))


def break_down(monkeypatch: pytest.MonkeyPatch, *n_states: int) -> None:
    whole = hmmlearn_engine.fit_gaussian

    def sometimes(rows: Any, lengths: Any, kind: Any, start: Any, *rest: Any) -> Fit:
        if len(start["means"]) in n_states:
            return Fit(None, [], False, True)
        return whole(rows, lengths, kind, start, *rest)

    monkeypatch.setattr(hmmlearn_engine, "fit_gaussian", sometimes)


def test_fits_that_broke_down_come_back_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_down(monkeypatch, 4)
    sweep = HMMSweep([1, 2, 4], n_restarts=2, max_iter=4, engine="hmmlearn").fit(frames())
    data = through_disk(sweep, tmp_path)
    found = storage.results(data)
    pd.testing.assert_frame_equal(found[sweep.results_.columns], sweep.results_)
    assert found["n_states"].tolist() == [1, 2, 2, 4, 4]
    assert found["log_likelihood"].isna().tolist() == [False, False, False, True, True]
    assert storage.model(data, "tied", 2).n_components == 2
    with pytest.raises(StoreError, match="every tied fit with 4 states broke down"):
        storage.model(data, "tied", 4)


def test_sweep_without_any_fit_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    break_down(monkeypatch, 1, 2)
    with pytest.raises(DataError, match="every fit of the sweep broke down"):
        storage.to_dataset(HMMSweep([1, 2], max_iter=4, engine="hmmlearn").fit(frames()))


@pytest.mark.parametrize(("kind", "n_states"), [("tied", 3), ("full", 2)])
def test_model_that_was_not_fitted_is_reported(kind: str, n_states: int) -> None:
    data = storage.to_dataset(HMMSweep([1, 2], max_iter=4).fit(frames()))
    with pytest.raises(StoreError, match=f"the sweep holds no {kind} model with {n_states} states"):
        storage.model(data, kind, n_states)


def test_covariance_types_keep_the_order_of_the_study() -> None:
    frames = np.random.default_rng(0).normal(size=(4, 30, 2))
    sweep = HMMSweep(n_states=[1, 2], covariance_types=["tied", "diag"], n_restarts=1).fit(frames)
    table = storage.results(storage.to_dataset(sweep))
    assert list(dict.fromkeys(table["covariance_type"])) == ["tied", "diag"]


@pytest.mark.parametrize("emission", ["gaussian", "categorical"])
def test_doubts_and_sample_sizes_come_back(tmp_path: Path, emission: str) -> None:
    X = frames() if emission == "gaussian" else np.random.default_rng(0).integers(0, 3, (5, 20))
    options: dict[str, Any] = {"emission": emission, "n_restarts": 2, "max_iter": 4}
    sweep = HMMSweep([1, 2, 4], ["tied", "diag"], **options).fit(X)
    data = through_disk(sweep, tmp_path)
    assert storage.sample_sizes(data) == sweep.sample_sizes_
    table, sizes = storage.results(data), storage.sample_sizes(data)
    doubts = audit.audit(table, data.sizes.get("component", 1), sizes)
    pd.testing.assert_frame_equal(doubts, sweep.audit_, check_exact=True)
    assert selection.bic_by_sample_size(table, sizes) == sweep.bic_by_sample_size_
    # 100 frames of four states do not leave 50 for each; the order is that of the study.
    doubted = sweep.audit_[sweep.audit_["n_states"] == 4]
    assert doubted["warning"].str.contains("50 are needed").all()
    kinds = ["tied", "diag"] if emission == "gaussian" else ["none"]
    assert sweep.audit_["covariance_type"].unique().tolist() == kinds


def test_components_decide_how_many_frames_a_state_needs() -> None:
    wide = np.random.default_rng(0).normal(size=(5, 20, 25))
    sweep = HMMSweep([1], max_iter=2).fit(wide)
    (warning,) = sweep.audit_["warning"]
    worth = f"{sweep.sample_sizes_.n_effective:.0f}"
    assert f"100 frames, worth {worth} independent ones; 125 are needed" in warning
