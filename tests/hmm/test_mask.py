"""Frames that a mask leaves out are summed over, and nothing that they hold matters."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from hmmlens.errors import DataError
from hmmlens.hmm import CategoricalHMM, GaussianHMM, HMMSweep, selection
from hmmlens.hmm.engine.passes import longpass

pytestmark = pytest.mark.usefixtures("kernel")

KINDS = ("spherical", "diag", "full", "tied")
SEEDS = st.integers(0, 2**32 - 1)
LENGTHS = np.array([4, 2, 5])
INSIDE = np.arange(5) < LENGTHS[:, None]


def drawn(kind: str, seed: int, k: int = 2) -> tuple[Any, np.ndarray, np.ndarray]:
    """Return a model, padded data with nonsense where the mask is False, and the mask."""
    rng = np.random.default_rng(seed)
    startprob, transmat = rng.dirichlet(np.ones(k)), rng.dirichlet(np.ones(k), k)
    mask = rng.random((3, 5)) < 0.6
    mask[np.arange(3), rng.integers(0, LENGTHS)] = True
    if kind == "categorical":
        model: Any = CategoricalHMM.from_parameters(
            startprob, transmat, rng.dirichlet(np.ones(3), k)
        )
        return model, np.where(mask, rng.integers(0, 3, size=(3, 5)), 99), mask
    factor = rng.normal(size=(k, 2, 2))
    covars = factor @ factor.swapaxes(1, 2) + 0.3 * np.eye(2)
    model = GaussianHMM.from_parameters(
        startprob, transmat, 5 + rng.normal(size=(k, 2)), covars, kind
    )
    return model, np.where(mask[..., None], 5 + rng.normal(size=(3, 5, 2)), np.nan), mask


def emission(model: Any, X: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return log P(frame | state) (sequence, time, state) by SciPy; 0 where nothing is seen."""
    logs = np.zeros((*mask.shape, model.n_components))
    for i, t in np.argwhere(mask):
        for k in range(model.n_components):
            if isinstance(model, CategoricalHMM):
                logs[i, t, k] = np.log(model.emissionprob_[k, X[i, t]])
            else:
                logs[i, t, k] = multivariate_normal(model.means_[k], model.covars_[k]).logpdf(
                    X[i, t]
                )
    return logs


def paths_of(model: Any, logs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return every path and its log joint probability with the data of one sequence."""
    paths = np.array(list(itertools.product(range(model.n_components), repeat=len(logs))))
    weights = np.log(model.startprob_[paths[:, 0]]) + logs[0, paths[:, 0]]
    for t in range(1, len(logs)):
        weights += np.log(model.transmat_[paths[:, t - 1], paths[:, t]]) + logs[t, paths[:, t]]
    return paths, weights


@pytest.mark.parametrize("kind", [*KINDS, "categorical"])
@settings(max_examples=12, deadline=None)
@given(seed=SEEDS)
def test_inference_equals_the_sum_over_all_paths(kind: str, seed: int) -> None:
    model, X, mask = drawn(kind, seed)
    logs = emission(model, X, mask & INSIDE)
    gamma, entropy = model.smooth(X, LENGTHS, mask=mask)
    filtered = model.filter(X, LENGTHS, mask=mask)
    found = model.predict(X, LENGTHS, mask=mask)
    whole = best = 0.0
    for i, end in enumerate(LENGTHS):
        paths, weights = paths_of(model, logs[i, :end])
        total = logsumexp(weights)
        share = np.exp(weights - total)
        one_hot = paths[:, :, None] == np.arange(2)
        np.testing.assert_allclose(gamma[i, :end], np.tensordot(share, one_hot, 1), atol=1e-9)
        assert entropy[i] == pytest.approx(-(share * np.log(share)).sum(), abs=1e-9)
        assert filtered.log_likelihood[i] == pytest.approx(total, rel=1e-10)
        mine = (paths == found[i, :end]).all(axis=1)
        assert weights[mine].item() == pytest.approx(weights.max(), rel=1e-10)
        whole, best = whole + total, best + weights.max()
    unseen = INSIDE & ~mask
    np.testing.assert_allclose(filtered.posteriors[unseen], filtered.predicted[unseen], atol=1e-12)
    assert model.score(X, LENGTHS, mask=mask) == pytest.approx(whole, rel=1e-10)
    assert model.decode(X, LENGTHS, mask=mask)[0] == pytest.approx(best, rel=1e-10)
    np.testing.assert_array_equal(model.predict_proba(X, LENGTHS, mask=mask), gamma)
    n_seen, m = (mask & INSIDE).sum(), model.n_parameters
    assert model.aic(X, LENGTHS, mask=mask) == pytest.approx(2 * m - 2 * whole)
    bic = m * np.log(n_seen) - 2 * whole
    assert model.bic(X, LENGTHS, mask=mask) == pytest.approx(bic)
    assert model.icl(X, LENGTHS, mask=mask) == pytest.approx(bic + 2 * entropy.sum())


@pytest.mark.parametrize("engine", ["numpy", "torch"])
@pytest.mark.parametrize("kind", [*KINDS, "categorical"])
def test_one_step_of_em_equals_the_sum_over_all_paths(kind: str, engine: str) -> None:
    for seed in range(8):
        model, X, mask = drawn(kind, seed)
        logs = emission(model, X, mask & INSIDE)
        first, moves = np.zeros(2), np.zeros((2, 2))
        gamma = np.zeros((3, 5, 2))
        for i, end in enumerate(LENGTHS):
            paths, weights = paths_of(model, logs[i, :end])
            for path, share in zip(paths, np.exp(weights - logsumexp(weights)), strict=True):
                first[path[0]] += share
                np.add.at(moves, (path[:-1], path[1:]), share)
                gamma[i, np.arange(end), path] += share
        post, seen = gamma[mask & INSIDE], X[mask & INSIDE]
        model.set_params(init_params="", n_iter=1, engine=engine, device="cpu")
        model.fit(X, LENGTHS, mask=mask)
        np.testing.assert_allclose(model.startprob_, first / 3, atol=1e-9)
        np.testing.assert_allclose(
            model.transmat_, moves / moves.sum(axis=1, keepdims=True), atol=1e-9
        )
        if kind == "categorical":
            counts = post.T @ np.eye(3)[seen]
            wanted = counts / counts.sum(axis=1, keepdims=True)
            np.testing.assert_allclose(model.emissionprob_, wanted, atol=1e-9)
            continue
        means = post.T @ seen / post.sum(axis=0)[:, None]
        np.testing.assert_allclose(model.means_, means, atol=1e-8)
        away = seen[:, None] - means
        scatter = np.einsum("nk,nki,nkj->kij", post, away, away) + 1e-2
        wanted = scatter / post.sum(axis=0)[:, None, None]
        if kind == "tied":
            wanted = np.tile((scatter.sum(axis=0) - 1e-2) / len(seen), (2, 1, 1))
        elif kind != "full":
            wanted = wanted * np.eye(2)
        if kind == "spherical":
            wanted = np.trace(wanted, axis1=1, axis2=2)[:, None, None] / 2 * np.eye(2)
        np.testing.assert_allclose(model.covars_, wanted, atol=1e-7)


@pytest.mark.parametrize("kind", [*KINDS, "categorical"])
def test_one_state_is_that_of_the_frames_that_are_seen(kind: str) -> None:
    model, X, mask = drawn(kind, 3, k=1)
    seen = X[mask & INSIDE]
    masked = model.set_params(n_iter=3).fit(X, LENGTHS, mask=mask)
    score = masked.score(X, LENGTHS, mask=mask)
    alone = masked.__class__(**masked.get_params())
    alone.fit(seen[:, None] if seen.ndim == 1 else seen)
    assert score == pytest.approx(alone.score(seen[:, None] if seen.ndim == 1 else seen))


def long_data(kind: str) -> tuple[Any, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    mask = rng.random(1300) < 0.7
    if kind == "categorical":
        return CategoricalHMM(3, random_state=0), rng.integers(0, 3, size=(1300, 1)), mask
    X = 4 * ((np.arange(1300) // 9) % 3)[:, None] + rng.normal(size=(1300, 2))
    return GaussianHMM(3, kind, random_state=0, n_iter=4), X, mask


@pytest.mark.parametrize("kind", [*KINDS, "categorical"])
def test_long_sequences_and_flat_data_take_a_mask(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, X, mask = long_data(kind)
    lengths = np.array([900, 400])
    model.fit(X, lengths, mask=mask)
    quick = model.score_samples(X, lengths, mask=mask)
    monkeypatch.setattr(longpass, "posteriors", lambda *_: None)
    slow = model.score_samples(X, lengths, mask=mask)
    assert quick[0] == pytest.approx(slow[0], rel=1e-10)
    np.testing.assert_allclose(quick[1], slow[1], atol=1e-9)
    assert np.diff(model.monitor_.history).min() > -1e-6


def test_chunks_and_named_arrays_take_a_mask() -> None:
    model, X, mask = drawn("full", 5)
    X, mask = np.tile(X, (4, 1, 1)), np.tile(mask, (4, 1))
    lengths = np.tile(LENGTHS, 4)
    start = {"init_params": "", "n_iter": 4, "tol": -np.inf}
    distribution = model.means_, model.startprob_, model.transmat_, model._covars_
    found = []
    named = xr.DataArray(mask.T, dims=("time", "sequence"))
    chunks = lambda: ((X[i : i + 5], lengths[i : i + 5], mask[i : i + 5]) for i in (0, 5, 10))  # noqa: E731
    for data, ends, seen in ((X, lengths, mask), (X, lengths, named), (chunks, None, None)):
        again = GaussianHMM(2, "full", **start)  # type: ignore[arg-type]
        again.means_, again.startprob_, again.transmat_, again._covars_ = distribution
        found.append(again.fit(data, ends, mask=seen))
    for other in found[1:]:
        np.testing.assert_allclose(other.means_, found[0].means_, rtol=1e-9)
        np.testing.assert_allclose(other.monitor_.history, found[0].monitor_.history, rtol=1e-10)


@pytest.mark.parametrize("kind", ["full", "categorical"])
def test_sweep_takes_masks(kind: str) -> None:
    rng = np.random.default_rng(0)
    mask = rng.random((6, 30)) < 0.7
    if kind == "categorical":
        X = rng.integers(0, 3, size=(6, 30))
        options: dict[str, Any] = {"emission": "categorical"}
    else:
        X = 3 * rng.integers(0, 2, size=(6, 30, 1)) + rng.normal(size=(6, 30, 2))
        options = {"covariance_types": [kind]}
    tables = []
    for garbage in (X[0, 0], 1000 + X[0, 0]):
        held = X.copy()
        held[~mask] = garbage
        sweep = HMMSweep([1, 2], n_restarts=2, max_iter=5, **options)
        sweep.fit(held, None, held, mask=mask, held_out_mask=mask)
        tables.append(sweep.results_.drop(columns="seconds"))
    assert tables[0].equals(tables[1])
    assert sweep.n_frames_ == sweep.sample_sizes_.n_frames == mask.sum()
    ((_, model), *_) = (item for item in sweep.models_.items() if item[0][1] == 2)
    best = selection.best_restarts(tables[0]).set_index("n_states").loc[2]
    assert best["log_likelihood"] == pytest.approx(model.score(X, mask=mask))
    assert best["bic"] == pytest.approx(model.bic(X, mask=mask))
    assert best["icl"] == pytest.approx(model.icl(X, mask=mask))
    assert best["held_out"] == pytest.approx(model.score(X, mask=mask) / mask.sum())


def test_effective_sample_size_leaves_hidden_frames_out() -> None:
    rng = np.random.default_rng(0)
    x = np.repeat(rng.normal(size=20_000), 4)[:, None]
    seen = rng.random(len(x)) < 0.5
    sizes = selection.sample_sizes(np.where(seen[:, None], x, np.nan), np.array([len(x)]))
    # Four equal frames in a row: 1 + 2 (3/4 + 2/4 + 1/4) = 4.
    assert sizes.n_effective == pytest.approx(seen.sum() / 4, rel=0.05)


X, SYMBOLS = np.zeros((3, 5, 2)), np.zeros((3, 5), dtype=int)
GONE = np.ones((3, 5), dtype=bool)
GONE[1] = False
#: All that is marked lies past the end of the second sequence.
PAST = GONE.copy()
PAST[1, 4] = True


@pytest.mark.parametrize(
    ("mask", "sentence"),
    [
        (np.zeros((3, 5), dtype=bool), "mask excludes every frame of all sequences; set it True"),
        (GONE, "mask excludes every frame of sequence 1; set it True where a frame is observed"),
        (PAST, "mask excludes every frame of sequence 1"),
        (np.ones((3, 4), dtype=bool), r"mask holds bool of shape \(3, 4\); give bool of shape \(3"),
        (np.ones((3, 5)), r"mask holds float64 of shape \(3, 5\); give bool of shape \(3, 5\)"),
        (np.ones((0, 5), dtype=bool), "mask is empty"),
    ],
)
def test_bad_masks_are_reported(mask: np.ndarray, sentence: str) -> None:
    gaussian, _, _ = drawn("full", 0)
    coins, _, _ = drawn("categorical", 0)
    for model, data in ((gaussian, X), (coins, SYMBOLS)):
        for ask in (model.fit, model.partial_fit, model.score, model.predict, model.filter):
            with pytest.raises(ValueError, match=sentence):
                ask(data, LENGTHS, mask=mask)
    with pytest.raises(ValueError, match=sentence):
        HMMSweep([1]).fit(X, LENGTHS, mask=mask)
    with pytest.raises(ValueError, match=f"held_out_{sentence}"):
        HMMSweep([1]).fit(X, None, X, LENGTHS, held_out_mask=mask)


def test_flat_data_need_a_flat_mask() -> None:
    with pytest.raises(
        DataError, match=r"mask holds bool of shape \(3, 5\); give bool of shape \(15,\)"
    ):
        GaussianHMM(1).fit(X.reshape(15, 2), [5, 5, 5], mask=np.ones((3, 5), dtype=bool))


def test_mask_with_what_knows_none_is_reported() -> None:
    with pytest.raises(DataError, match="lengths and mask cannot be given with a function"):
        GaussianHMM(1).fit(lambda: iter([X]), mask=np.ones((3, 5), dtype=bool))
    with pytest.raises(DataError, match="hmmlearn knows no mask"):
        HMMSweep([1], engine="hmmlearn").fit(X, mask=np.ones((3, 5), dtype=bool))


def test_values_that_are_seen_must_be_numbers() -> None:
    holed = X.copy()
    holed[2, 3] = np.nan
    mask = np.ones((3, 5), dtype=bool)
    with pytest.raises(DataError, match=r"not finite at \(2, 3, 0\)"):
        GaussianHMM(1).fit(holed, mask=mask)
    mask[2, 3] = False
    assert np.isfinite(GaussianHMM(1).fit(holed, mask=mask).means_).all()
