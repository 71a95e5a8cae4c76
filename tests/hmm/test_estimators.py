"""Code for hmmlearn's two classes runs unchanged, and our layouts of data give the same."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hmmlearn.hmm
import numpy as np
import pytest
import xarray as xr
import zarr
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import hmmlens.hmm
from hmmlens.errors import DataError
from hmmlens.hmm import CategoricalHMM, GaussianHMM, inference
from hmmlens.hmm.engine.packing import pack
from hmmlens.hmm.engine.passes import longpass

KINDS = ("spherical", "diag", "full", "tied")
LENGTHS = np.array([30, 12, 1, 57])


def values(lengths: np.ndarray = LENGTHS, d: int = 2, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    n = int(lengths.sum())
    places = 4 * rng.normal(size=(3, d))
    return places[(np.arange(n) // 7) % 3] + rng.normal(size=(n, d))


def symbols(lengths: np.ndarray = LENGTHS, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    state = (np.arange(int(lengths.sum())) // 7) % 3
    return np.where(rng.random(len(state)) < 0.8, state, rng.integers(0, 4, len(state)))


def padded(flat: np.ndarray, lengths: np.ndarray = LENGTHS, fill: float = np.nan) -> np.ndarray:
    out = np.full((len(lengths), lengths.max(), *flat.shape[1:]), fill, dtype=flat.dtype)
    for i, part in enumerate(np.split(flat, np.cumsum(lengths)[:-1])):
        out[i, : len(part)] = part
    return out


def gaussian_script(module: Any, kind: str) -> dict[str, Any]:
    """Do what users of hmmlearn do."""
    X = values()
    model = module.GaussianHMM(n_components=3, covariance_type=kind, n_iter=15, random_state=4)
    model.fit(X, LENGTHS)
    best = {"score": model.score(X, LENGTHS), "iterations": model.monitor_.iter}
    best |= {"converged": model.monitor_.converged, "history": list(model.monitor_.history)}
    best |= {"bic": model.bic(X, LENGTHS), "aic": model.aic(X, LENGTHS)}
    best["decoded"], best["states"] = model.decode(X, LENGTHS)
    best["map"] = model.decode(X, LENGTHS, algorithm="map")[1]
    best["predicted"], best["posteriors"] = model.predict(X), model.predict_proba(X, LENGTHS)
    samples, best["drawn"] = model.sample(20, random_state=2)
    # hmmlearn misreads spherical covariances after a fit, and draws with the wrong width.
    best |= {"samples": samples} if kind != "spherical" else {}
    best["later"] = model.sample(3, random_state=1, currstate=1)[1]
    best["stationary"] = model.get_stationary_distribution()
    best |= {"means": model.means_, "transmat": model.transmat_, "startprob": model.startprob_}
    best |= {"covars": model.covars_} if kind != "spherical" else {}
    again = module.GaussianHMM(3, kind, init_params="", params="mc", n_iter=3, tol=-1)
    again.startprob_ = np.full(3, 1 / 3)
    again.transmat_ = np.full((3, 3), 1 / 3)
    again.means_, again.covars_ = model.means_, {
        "spherical": np.ones(3), "diag": np.ones((3, 2)),
        "full": np.tile(np.eye(2), (3, 1, 1)), "tied": np.eye(2),
    }[kind]  # fmt: skip
    best["again"] = again.fit(X, LENGTHS).means_
    best["kept"] = again.transmat_
    best["clone"] = clone(model).get_params()["n_iter"]
    return best


def categorical_script(module: Any, _: str) -> dict[str, Any]:
    X = symbols()[:, None]
    model = module.CategoricalHMM(n_components=3, n_iter=20, random_state=4, tol=1e-3)
    model.fit(X, lengths=LENGTHS)
    out = {"score": model.score(X, LENGTHS), "emission": model.emissionprob_}
    out |= {"n_features": model.n_features, "history": list(model.monitor_.history)}
    # Several paths are equally likely here, so the best probability is compared.
    out["decoded"], states = model.decode(X, LENGTHS)
    out["shape"] = states.shape
    out["posteriors"] = model.predict_proba(X)
    out["log"], out["each"] = model.score_samples(X, LENGTHS)
    out["samples"] = model.sample(10, random_state=3)[0]
    out["bic"] = model.bic(X, LENGTHS)
    return out


@pytest.mark.parametrize(
    ("script", "kind"),
    [*((gaussian_script, kind) for kind in KINDS), (categorical_script, "")],
    ids=[*KINDS, "categorical"],
)
def test_code_for_hmmlearn_runs_unchanged(script: Any, kind: str) -> None:
    theirs, ours = script(hmmlearn.hmm, kind), script(hmmlens.hmm, kind)
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        assert np.shape(ours[name]) == np.shape(value), name
        np.testing.assert_allclose(ours[name], value, rtol=1e-7, atol=1e-7, err_msg=name)


def fitted(kind: str = "full", **options: Any) -> GaussianHMM:
    return GaussianHMM(3, kind, random_state=1, n_iter=5, **options).fit(values(), LENGTHS)


def test_padded_arrays_and_data_arrays_give_the_same_as_flat_ones() -> None:
    flat, model = values(), fitted()
    inside = np.arange(LENGTHS.max()) < LENGTHS[:, None]
    array = padded(flat)
    named = xr.DataArray(array.transpose(1, 0, 2), dims=("time", "sequence", "component"))
    for X in (array, named):
        again = GaussianHMM(3, "full", random_state=1, n_iter=5).fit(X, LENGTHS)
        np.testing.assert_array_equal(again.means_, model.means_)
        assert model.score(X, LENGTHS) == model.score(flat, LENGTHS)
        assert model.bic(X, LENGTHS) == model.bic(flat, LENGTHS)
        assert model.icl(X, LENGTHS) == pytest.approx(
            model.bic(flat, LENGTHS) + 2 * model.smooth(flat, LENGTHS)[1].sum()
        )
        path = model.predict(X, LENGTHS)
        assert (path[~inside] == -1).all()
        np.testing.assert_array_equal(path[inside], model.predict(flat, LENGTHS))
        proba = model.predict_proba(X, LENGTHS)
        assert not proba[~inside].any()
        np.testing.assert_array_equal(proba[inside], model.predict_proba(flat, LENGTHS))
        np.testing.assert_array_equal(
            model.filter(X, LENGTHS).posteriors[inside], model.filter(flat, LENGTHS).posteriors
        )


def test_padded_symbols_give_the_same_as_flat_ones() -> None:
    flat = symbols()
    first = CategoricalHMM(3, random_state=1).fit(flat[:, None], LENGTHS)
    second = CategoricalHMM(3, random_state=1).fit(padded(flat, fill=-9), LENGTHS)
    np.testing.assert_array_equal(first.emissionprob_, second.emissionprob_)
    assert first.predict(flat[:, None], LENGTHS).shape == (100,)
    assert second.predict(padded(flat, fill=-9), LENGTHS).shape == (4, 57)


@pytest.mark.parametrize("kind", KINDS)
def test_models_go_to_hmmlearn_and_back(kind: str) -> None:
    X, model = values(), fitted(kind)
    theirs = model.to_hmmlearn()
    assert theirs.score(X, LENGTHS) == pytest.approx(model.score(X, LENGTHS), rel=1e-10)
    assert theirs.bic(X, LENGTHS) == pytest.approx(model.bic(X, LENGTHS), rel=1e-10)
    back = GaussianHMM.from_hmmlearn(theirs.fit(X, LENGTHS))
    assert back.covariance_type == kind
    assert back.score(X, LENGTHS) == pytest.approx(theirs.score(X, LENGTHS), rel=1e-10)


def test_categorical_models_go_to_hmmlearn_and_back() -> None:
    X = symbols()[:, None]
    model = CategoricalHMM(3, random_state=0).fit(X, LENGTHS)
    theirs = model.to_hmmlearn()
    assert theirs.score(X, LENGTHS) == pytest.approx(model.score(X, LENGTHS), rel=1e-10)
    assert CategoricalHMM.from_hmmlearn(theirs).score(X) == pytest.approx(model.score(X))


def test_scikit_learn_habits() -> None:
    model = fitted()
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    assert copy.set_params(n_components=2, tol=0.5).n_components == 2
    assert copy.monitor_.tol == 0.5
    with pytest.raises(ValueError, match="'states' is no parameter of GaussianHMM"):
        copy.set_params(states=2)
    assert repr(CategoricalHMM(2, tol=0.1)) == "CategoricalHMM(n_components=2, tol=0.1)"
    same = pickle.loads(pickle.dumps(model))
    assert same.score(values(), LENGTHS) == model.score(values(), LENGTHS)
    for ask in (copy.score, copy.predict, copy.filter, copy.smooth, copy.decode, copy.bic):
        with pytest.raises(NotFittedError, match="call fit first"):
            ask(values())
    with pytest.raises(NotFittedError):
        copy.sample(3)


def test_monitor_decides_when_to_stop() -> None:
    class Three(type(fitted().monitor_)):  # type: ignore[misc]
        @property
        def converged(self) -> bool:
            return bool(self.iter == 3)

    model = GaussianHMM(3, n_iter=50, random_state=0)
    model.monitor_ = Three(0, 50, False)
    model.fit(values(), LENGTHS)
    assert len(model.monitor_.history) == 3


HOLED = values()
HOLED[35, 1] = np.nan


@pytest.mark.parametrize(
    ("X", "lengths", "options", "sentence"),
    [
        (HOLED, LENGTHS, {}, r"X holds a value that is not finite at \(35, 1\); remove or fill it "
         r"\(sequence 1, step 5, component 1\)"),
        (np.full((4, 57, 2), np.inf), LENGTHS, {}, r"not finite at \(0, 0, 0\)"),
        (values(), [30, 12], {}, "lengths add up to 42, but X has 100 frames"),
        (values(), [100, 0], {}, r"lengths\[1\] is 0; drop sequences without a step"),
        (padded(values()), [30, 12, 0, 57], {}, r"lengths\[2\] is 0"),
        (values()[:2], None, {}, "X has 2 frames, fewer than n_components=3"),
        (np.empty((0, 2)), None, {}, r"X is empty \(shape \(0, 2\)\)"),
        (np.empty((3, 0, 2)), None, {}, "X is empty"),
        (values(), LENGTHS.astype(float), {}, "lengths must be whole numbers"),
        (np.full((9, 2), "a"), None, {}, "X must be real numbers, found <U1; convert it"),
        (values(), None, {"covariance_type": "round"}, "covariance_type must be one of spherical"),
        (values(), None, {"prior_mode": "none"}, "prior_mode must be hmmlearn or floor"),
        (values(), None, {"engine": "abacus"}, "engine must be one of numpy, torch"),
        (values(), None, {"engine": "torch", "device": "abacus"}, "device must be auto, cpu or"),
        (values(), None, {"n_components": 0}, "n_components must be a whole number of 1 or more"),
        (values(), None, {"n_components": 1.5}, "n_components must be a whole number of 1 or"),
        (values(), [[1], [2, 3]], {}, "lengths must be whole numbers"),
        ([], None, {}, r"X is empty \(shape \(0,\)\); give at least one frame"),
        ([[[1.0]], [[1.0, 3.0], [2.0, 4.0]]], None, {}, r"a step of sequence 1 has the sha"),
        (iter([values()]), None, {}, "X is an iterator.*give a function that returns one"),
    ],
)  # fmt: skip
def test_bad_values_are_reported(
    X: Any, lengths: Any, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        GaussianHMM(**({"n_components": 3} | options)).fit(X, lengths)


WHOLE = padded(values(), fill=0)
PIERCED = np.where(np.arange(8).reshape(4, 1, 2) == 5, np.nan, WHOLE)


@pytest.mark.parametrize(
    ("chunks", "sentence"),
    [
        ([WHOLE, PIERCED], r"not finite at \(2, 0, 1\); .* \(counted within chunk 1\)"),
        ([(WHOLE, LENGTHS), (WHOLE, [1, 2])], r"lengths has shape \(2,\); .* \(counted .* chunk 1"),
        ([(WHOLE, LENGTHS, np.zeros((4, 57), dtype=bool))], "mask excludes every frame of all"),
        ([WHOLE, WHOLE[..., :1]], "X gives chunks of 2 and of 1 components; give all frames the"),
        ([(WHOLE, None, None, 3)], "X gives a tuple of 4 as chunk 0"),
        ([WHOLE[:1, :2]], "X has 2 frames, fewer than n_components=3"),
        ([], "X gives no chunk; let it return a new iterator"),
        (7, "X returns int; let it return an iterator over chunks"),
    ],
)
def test_bad_chunks_are_reported(chunks: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        GaussianHMM(3).fit(lambda: chunks)


def test_iterator_that_ends_before_em_is_reported() -> None:
    only = iter([WHOLE])
    with pytest.raises(DataError, match="X gives no chunk; let it return a new iterator"):
        GaussianHMM(3).fit(lambda: only)


@pytest.mark.parametrize(
    ("X", "options", "sentence"),
    [
        (PIERCED, {}, r"not finite at \(0, 0, 1\); .* \(counted within sequences from 2 on\)"),
        (WHOLE, {"lengths": [1, 2]}, r"lengths has shape \(2,\); \(4,\) is needed, one for each"),
        (WHOLE, {"mask": np.ones((4, 5), dtype=bool)}, r"mask has shape \(4, 5\); \(4, 57\)"),
        (WHOLE[:, 0], {}, r"X has shape \(4, 2\); what is read in slices must be \(sequence, time"),
    ],
)
def test_bad_stores_are_reported(X: np.ndarray, options: dict[str, Any], sentence: str) -> None:
    store = zarr.create_array({}, data=X)
    with pytest.raises(ValueError, match=sentence):
        GaussianHMM(3, memory_limit=8 * 2 * 57 * 2 * 8).fit(store, **options)


@pytest.mark.parametrize(
    ("X", "lengths", "sentence"),
    [
        (np.array([[0.5], [1.0], [2.0]]), None, "X must hold whole numbers"),
        (np.array([[0], [-2], [1]]), None, "a symbol outside 0 to 3: -2 at sequence 0, step 1"),
        (np.array([[0, 1], [1, -1]]), [2, 2], "a symbol outside 0 to 3: -1 at sequence 1, step 1"),
        (np.array([[0], [7], [1]]), None, "a symbol outside 0 to 3: 7 at sequence 0, step 1"),
    ],
)
def test_bad_symbols_are_reported(X: Any, lengths: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        CategoricalHMM(2, n_features=4).fit(X, lengths)


def test_parameters_that_are_no_distributions_are_reported() -> None:
    model = fitted()
    model.transmat_ = model.transmat_ * 2
    with pytest.raises(DataError, match="row 0 of transmat_ adds up to 2"):
        model.score(values(), LENGTHS)
    with pytest.raises(DataError, match="not above 0"):
        fitted("diag").covars_ = np.zeros((3, 2))
    with pytest.raises(DataError, match="symmetric and positive definite"):
        fitted("tied").covars_ = -np.eye(2)
    with pytest.raises(DataError, match="does not fit 3 states"):
        fitted("full").covars_ = np.eye(2)


def test_columns_that_do_not_move_are_named_and_floored(caplog: pytest.LogCaptureFixture) -> None:
    X = np.c_[values(), np.full(100, 3.0), 1e-5 * values()[:, 0]]
    model = GaussianHMM(3, "full", prior_mode="floor", random_state=0, n_iter=30).fit(X, LENGTHS)
    assert "components that never move: 2" in caplog.text
    assert "components that barely move: 3" in caplog.text
    floor = 1e-3 * X.var(axis=0).mean()
    assert np.linalg.eigvalsh(model.covars_).min() > floor / 3 * 0.99
    # A frame gains at most what two directions of the floor's width give.
    assert model.score(X, LENGTHS) < model.score(X, LENGTHS) * 0 + 100 * (-np.log(floor / 3) + 5)


LONG_LIST = [np.array([20, 3, 11]), np.array([40, 1]), np.array([25])]


def chunks() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for i, lengths in enumerate(LONG_LIST):
        yield values(lengths, seed=i), lengths


@pytest.mark.parametrize("kind", KINDS)
def test_chunks_give_the_same_as_all_at_once(kind: str) -> None:
    X, lengths = np.concatenate([x for x, _ in chunks()]), np.concatenate(LONG_LIST)
    start = {"init_params": "", "n_iter": 8, "tol": -np.inf, "prior_mode": "floor"}
    models = []
    for data, ends in ((X, lengths), (chunks, None)):
        model = GaussianHMM(3, kind, **start)
        model.startprob_, model.transmat_ = np.full(3, 1 / 3), np.full((3, 3), 1 / 3)
        model.means_, model.covars_ = X[[0, 10, 40]], fitted(kind)._covars_
        models.append(model.fit(data, ends))
    for name in ("startprob_", "transmat_", "means_", "covars_"):
        np.testing.assert_allclose(
            getattr(models[1], name), getattr(models[0], name), rtol=1e-10, atol=1e-12
        )
    np.testing.assert_allclose(models[1].monitor_.history, models[0].monitor_.history, rtol=1e-10)


def test_zarr_array_is_read_in_slices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    X = values(np.full(20, 30)).reshape(20, 30, 2)
    array = zarr.create_array(tmp_path / "x.zarr", shape=X.shape, chunks=(4, 30, 2), dtype="f8")
    array[:] = X
    whole = GaussianHMM(3, "full", random_state=0, n_iter=4, tol=-np.inf).fit(X)
    read = []
    inner = type(array).__getitem__
    monkeypatch.setattr(
        type(array), "__getitem__", lambda self, key: read.append(key) or inner(self, key)
    )
    limit = 8 * 5 * 30 * 2 * 8
    part = GaussianHMM(3, "full", random_state=0, n_iter=4, tol=-np.inf, memory_limit=limit)
    part.fit(array)
    # One pass for the start and one for each step, five sequences at a time.
    assert len(read) == 4 * 5
    assert all(key.stop - key.start <= 5 for key in read)
    np.testing.assert_allclose(part.means_, whole.means_, rtol=1e-8)
    np.testing.assert_allclose(part.monitor_.history, whole.monitor_.history, rtol=1e-10)


def test_chunks_of_symbols_give_the_same_as_all_at_once() -> None:
    parts = [symbols(lengths, seed=i) for i, lengths in enumerate(LONG_LIST)]
    give = lambda: ((x[:, None], n) for x, n in zip(parts, LONG_LIST, strict=True))  # noqa: E731
    one = CategoricalHMM(3, random_state=0).fit(
        np.concatenate(parts)[:, None], np.concatenate(LONG_LIST)
    )
    two = CategoricalHMM(3, random_state=0).fit(give)
    np.testing.assert_allclose(two.emissionprob_, one.emissionprob_, rtol=1e-10)


def sticky(model: Any, X: np.ndarray) -> Any:
    """Let a model with three states start where long visits are likely."""
    model.set_params(init_params="c")
    model.startprob_, model.transmat_ = np.full(3, 1 / 3), 0.1 + 0.7 * np.eye(3)
    if X.ndim == 2:
        model.set_params(init_params="")
        model.emissionprob_ = 0.2 + 0.2 * np.eye(3, 4)
        model.emissionprob_ /= model.emissionprob_.sum(axis=1, keepdims=True)
    else:
        model.means_ = X[0, [0, 7, 14]]
    return model


@pytest.mark.parametrize("kind", [*KINDS, "categorical"])
def test_stepwise_em_comes_close_to_batch_em(kind: str) -> None:
    lengths = np.full(200, 21)
    make = CategoricalHMM if kind == "categorical" else lambda k, **o: GaussianHMM(k, kind, **o)
    X = symbols(lengths).reshape(200, 21)
    if kind != "categorical":
        X = values(lengths).reshape(200, 21, 2)
    batch = sticky(make(3, n_iter=300, tol=1e-4), X).fit(X)
    step = sticky(make(3), X)
    for _ in range(15):
        for first in range(0, 200, 40):
            step.partial_fit(X[first : first + 40])
    # Of what three states gain over one, all but a little.
    alone = make(1).fit(X).score(X)
    assert batch.score(X) - alone > 500
    assert (step.score(X) - alone) / (batch.score(X) - alone) > 0.99


def test_one_chunk_of_stepwise_em_is_one_step_of_em() -> None:
    X = values()
    one = GaussianHMM(3, "full", random_state=0, n_iter=1).fit(X, LENGTHS)
    two = GaussianHMM(3, "full", random_state=0).partial_fit(X, LENGTHS)
    np.testing.assert_allclose(two.means_, one.means_, rtol=1e-12)
    np.testing.assert_allclose(two.covars_, one.covars_, rtol=1e-9)
    np.testing.assert_allclose(two.transmat_, one.transmat_, rtol=1e-12)


def test_one_very_long_sequence_does_not_crawl() -> None:
    # 40,000 steps one after another would take many times what is asked here.
    X = values(np.array([40_000]))
    model = GaussianHMM(3, "full", random_state=0, n_iter=3, init_params="stc", tol=-np.inf)
    model.means_ = X[[0, 8, 16]]
    model.fit(X)
    short = X[:400]
    theirs = model.to_hmmlearn()
    assert model.score(X) == pytest.approx(theirs.score(X), rel=1e-10)
    assert model.score(short) == pytest.approx(theirs.score(short), rel=1e-10)


def test_engines_agree() -> None:
    fits = [fitted("full", engine=engine, device="cpu") for engine in ("numpy", "torch")]
    np.testing.assert_allclose(fits[1].means_, fits[0].means_, rtol=1e-9)
    np.testing.assert_allclose(fits[1].monitor_.history, fits[0].monitor_.history, rtol=1e-10)


def test_symbol_below_zero_is_reported_when_any_number_of_symbols_will_do() -> None:
    with pytest.raises(ValueError, match="a symbol below 0: -3 at sequence 0, step 2"):
        CategoricalHMM(2).fit(np.array([[0], [1], [-3]]))


@pytest.mark.parametrize("kind", [*KINDS, "categorical"])
def test_long_sequences_have_the_posteriors_of_log_space(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths = np.array([900, 1, 350])
    if kind == "categorical":
        X = symbols(lengths)[:, None]
        model: Any = CategoricalHMM(3, random_state=0).fit(X, lengths)
    else:
        X = values(lengths)
        model = GaussianHMM(3, kind, random_state=0, n_iter=3).fit(X, lengths)
    model.startprob_, model.transmat_ = np.array([0.5, 0.5, 0]), 0.1 + 0.7 * np.eye(3)

    def everything() -> list[Any]:
        likelihood, gamma = model.score_samples(X, lengths)
        array = padded(X[:, 0], lengths, 0) if kind == "categorical" else padded(X, lengths)
        filtered = model.filter(array, lengths)
        more = (model.score(X, lengths), model.decode(X, lengths, "map")[0])
        return [likelihood, gamma, *filtered, *model.smooth(array, lengths), *more]

    assert pack(lengths).is_cut
    quick = everything()
    monkeypatch.setattr(longpass, "posteriors", lambda *_: None)
    for found, wanted in zip(quick, everything(), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("kind", ["full", "categorical"])
def test_long_sequences_have_the_best_paths_of_the_step_by_step_search(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths = np.array([900, 1, 350])
    array = padded(values(lengths), lengths)
    model: Any = GaussianHMM(3, "full", random_state=0, n_iter=3).fit(array, lengths)
    if kind == "categorical":
        array = padded(symbols(lengths), lengths, -5)
        distribution = np.random.default_rng(0).dirichlet(np.ones(4), 3)
        model = CategoricalHMM.from_parameters(model.startprob_, model.transmat_, distribution)
    # The last state is never left, and by no law: hmmlearn leaves such rows after a fit.
    model.transmat_ = np.array([[0.8, 0.2, 0], [0.3, 0.7, 0], [0, 0, 0]])
    model.startprob_ = np.array([0.5, 0.5, 0])
    mask = np.random.default_rng(1).random(array.shape[:2]) < 0.8
    mask[1, 0] = True
    score, path = model.decode(array, lengths, mask=mask)
    monkeypatch.setattr(inference, "viterbi_of_few", lambda *_: None)
    slow_score, slow_path = model.decode(array, lengths, mask=mask)
    assert score == pytest.approx(slow_score, rel=1e-12)
    np.testing.assert_array_equal(path, slow_path)
    assert (path[1] == [path[1, 0], *[-1] * 899]).all()


def test_long_sequence_without_any_path_is_reported() -> None:
    model = CategoricalHMM.from_parameters(np.array([1.0, 0]), np.eye(2), np.eye(2))
    X = np.zeros((1, 900), dtype=int)
    assert model.predict(X).tolist() == [[0] * 900]
    X[0, 700] = 1
    with pytest.raises(DataError, match="sequence 0, step 700: the model gives"):
        model.predict(X)


def test_long_sequence_that_only_log_space_can_do() -> None:
    X = values(np.array([900]))
    model = GaussianHMM(2, "diag", init_params="")
    model.startprob_, model.transmat_ = np.array([1.0, 0]), np.array([[0.5, 0.5], [0, 1]])
    model.means_, model.covars_ = np.array([[0.0, 0], [40, 40]]), np.full((2, 2), 0.1)
    X[450] = 40  # From here on the chain is in a state that nothing looks like.
    theirs = model.to_hmmlearn()
    assert model.score(X) == pytest.approx(theirs.score(X), rel=1e-10)
    np.testing.assert_allclose(model.predict_proba(X), theirs.predict_proba(X), atol=1e-9)
