"""The passes without subnormal numbers, compared with exact arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from hmmlens.hmm import GaussianHMM
from hmmlens.hmm.engine import subnormals
from hmmlens.hmm.engine.kernel import loading
from hmmlens.hmm.engine.passes import estep, logspace
from hmmlens.hmm.engine.subnormals import flushed, without_subnormals
from hmmlens.typing import Floats

TINY = np.finfo(float).tiny


def product() -> float:
    return float((np.array([1e-300]) * 1e-10)[0])


needs_flushing = pytest.mark.skipif(
    subnormals._library() is None, reason="this platform has no way to flush subnormal numbers"
)


@needs_flushing
def test_subnormals_are_zero_inside_and_numbers_again_outside() -> None:
    assert product() == 1e-310
    with flushed():
        assert product() == 0.0
        with flushed():
            assert product() == 0.0
        assert product() == 0.0
    assert product() == 1e-310
    with pytest.raises(KeyError), flushed():
        raise KeyError
    assert product() == 1e-310
    assert without_subnormals(product)() == 0.0


@needs_flushing
def test_messages_of_floating_point_errors_stay() -> None:
    with flushed(), np.errstate(over="raise"), pytest.raises(FloatingPointError):
        np.exp(np.array([1000.0]))


def test_without_the_library_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subnormals, "_library", lambda: None)
    with flushed():
        assert product() == 1e-310


def chain(n_steps: int, seed: int) -> tuple[GaussianHMM, Floats]:
    """Return a model with a transition that has decayed, and values with far outliers."""
    rng = np.random.default_rng(seed)
    transmat = np.array([[1 - 1e-150, 1e-150, 0.0], [0.05, 0.9, 0.05], [1e-320, 0.1, 0.9]])
    model = GaussianHMM.from_parameters(
        np.array([0.2, 0.5, 0.3]),
        transmat / transmat.sum(axis=1, keepdims=True),
        np.array([[0.0], [6.0], [-9.0]]),
        np.full((3, 1, 1), 0.05),
        "full",
    )
    values = model.means_[rng.integers(1, 3, n_steps).repeat(4)[:n_steps]]
    values = values + 0.2 * rng.standard_normal(values.shape)
    values[n_steps // 2] += 6.0
    return model, values[None]


def brute_force(model: GaussianHMM, values: Floats) -> tuple[float, Floats]:
    """Return log p(y) and smoothed probabilities in log space, step by step."""
    with np.errstate(divide="ignore"):
        start, moves = np.log(model.startprob_), np.log(model.transmat_)
    x = values[0, :, 0]
    density = -0.5 * (np.log(2 * np.pi * 0.05) + (x[:, None] - model.means_[:, 0]) ** 2 / 0.05)
    forward = [start + density[0]]
    for row in density[1:]:
        forward.append(np.logaddexp.reduce(forward[-1][:, None] + moves, axis=0) + row)
    backward = [np.zeros(3)]
    for row in density[:0:-1]:
        backward.append(np.logaddexp.reduce(moves + row + backward[-1], axis=1))
    both = np.array(forward) + np.array(backward[::-1])
    total = np.logaddexp.reduce(both, axis=1)
    return float(total[-1]), np.exp(both - total[:, None])


@pytest.mark.parametrize("seed", range(4))
def test_decayed_transitions_and_far_outliers_give_the_exact_posteriors(seed: int) -> None:
    model, values = chain(120, seed)
    log_likelihood, smoothed = brute_force(model, values)
    assert model.score(values) == pytest.approx(log_likelihood, rel=1e-10)
    np.testing.assert_allclose(model.predict_proba(values)[0], smoothed, atol=1e-10)


@needs_flushing
def test_an_estep_computes_with_no_subnormal_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(loading.VARIABLE, "numpy")
    found: list[float] = []
    collect = estep._collect

    def counted(density, alpha, beta, *rest):  # type: ignore[no-untyped-def]
        for panel in (density, alpha, beta):
            for run in panel.runs:
                found.append(((run > 0) & (run < TINY)).mean())
        return collect(density, alpha, beta, *rest)

    monkeypatch.setattr(estep, "_collect", counted)
    # Clusters so far apart that densities of the other ones are the smallest possible.
    places = np.array([0.0, 38.0, -38.0, 90.0])[np.arange(600).reshape(3, 200) // 7 % 4]
    noise = np.random.default_rng(0).standard_normal((3, 200))
    data = (places + noise)[..., None]

    def _fit() -> None:
        found.clear()
        GaussianHMM(4, "full", n_iter=6, tol=0, random_state=0).fit(data)

    _fit()
    assert found and max(found) == 0
    # The same fit has some where they are not flushed.
    monkeypatch.setattr(subnormals, "_library", lambda: None)
    _fit()
    assert max(found) > 0
    assert np.log(TINY) < logspace.LOWEST
