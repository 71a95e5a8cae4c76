"""EM takes hmmlearn's steps, on every layout of the data, and never loses likelihood.

All tests run in NumPy and in each compiled kernel.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hmmlearn import hmm as reference
from hypothesis import given, settings
from hypothesis import strategies as st

from hmmlens.hmm.engine import em, mstep, panels
from hmmlens.hmm.engine.blocks import Block, Workspace, blocks_of
from hmmlens.hmm.engine.emissions import Gaussian
from hmmlens.hmm.engine.engines import expectation
from hmmlens.hmm.engine.packing import pack, split
from hmmlens.hmm.engine.parameters import Family, Parameters, Prior, Statistics
from hmmlens.hmm.engine.passes import logspace, rescue
from hmmlens.hmm.engine.symbols import Categorical

pytestmark = pytest.mark.usefixtures("kernel")

KINDS = ("spherical", "diag", "full", "tied")
SEEDS = st.integers(0, 2**32 - 1)
EQUAL, RAGGED = np.full(12, 20), np.array([1, 40, 7, 7, 1, 33, 20, 2, 40, 13])
LONG = np.array([700, 1, 333])


def numpy_engine() -> em.Expect:
    """Return the E-step in NumPy or in the compiled kernel, as the fixture has it."""
    return expectation("numpy")


def gaussian(
    kind: str, lengths: np.ndarray, k: int = 3, d: int = 2, n_restarts: int = 1, seed: int = 0
) -> tuple[np.ndarray, Parameters]:
    """Return frames around moving places, far from 0, and starts."""
    rng = np.random.default_rng(seed)
    n = int(lengths.sum())
    places = 3 * rng.normal(size=(k, d))
    frames = 5 + places[(np.arange(n) // 6) % k] + rng.normal(size=(n, d))
    shape = {
        "spherical": np.full((n_restarts, k), 2.0),
        "diag": np.full((n_restarts, k, d), 2.0),
        "full": np.tile(2 * np.eye(d) + 0.3, (n_restarts, k, 1, 1)),
        "tied": np.tile(2 * np.eye(d) + 0.3, (n_restarts, 1, 1)),
    }[kind]
    params = Parameters(
        rng.dirichlet(np.ones(k), n_restarts),
        rng.dirichlet(np.ones(k), (n_restarts, k)),
        (frames[rng.integers(n, size=(n_restarts, k))], shape),
    )
    return frames, params


def symbols(
    lengths: np.ndarray, k: int = 3, v: int = 4, n_restarts: int = 1, seed: int = 0
) -> tuple[np.ndarray, Parameters]:
    rng = np.random.default_rng(seed)
    params = Parameters(
        rng.dirichlet(np.ones(k), n_restarts),
        rng.dirichlet(np.ones(k), (n_restarts, k)),
        (rng.dirichlet(np.ones(v), (n_restarts, k)),),
    )
    return rng.integers(0, v, size=int(lengths.sum())), params


def problem(
    kind: str, lengths: np.ndarray, **options: Any
) -> tuple[np.ndarray, Parameters, Family]:
    if kind == "categorical":
        return *symbols(lengths, **options), Categorical(4)
    return *gaussian(kind, lengths, **options), Gaussian(kind)


def centre_of(frames: np.ndarray) -> np.ndarray | None:
    return frames.mean(axis=0) if frames.ndim == 2 else None


def centred(params: Parameters, family: Family, frames: np.ndarray) -> Parameters:
    centre = centre_of(frames)
    return mstep.shift(params, family, None if centre is None else -centre)


def expect(
    kind: str,
    lengths: np.ndarray,
    engine: str = "numpy",
    cut: bool | None = False,
    device: str = "cpu",
    **options: Any,
) -> Statistics:
    frames, params, family = problem(kind, lengths, **options)
    block = Block(frames, lengths, centre_of(frames), cut=cut)
    params = centred(params, family, frames)
    return expectation(engine, device)(params, family, block, Workspace())


def same(found: Statistics, wanted: Statistics, rtol: float = 1e-10) -> None:
    for name, value in vars(wanted).items():
        scale = np.abs(value).max() if value.size else 0
        np.testing.assert_allclose(
            getattr(found, name), value, rtol=rtol, atol=rtol * scale, err_msg=name
        )


def run(
    kind: str, lengths: np.ndarray, prior: dict[str, Any], n_iter: int, **options: Any
) -> tuple[em.Fit, Parameters, np.ndarray | None]:
    """Run EM from the first start; return the fit, and its parameters as the data came."""
    frames, params, family = problem(kind, lengths, **options)
    centre = centre_of(frames)
    blocks = blocks_of(frames, lengths, centre, 30)
    if centre is not None:
        prior = prior | {"means": prior.get("means", 0) - centre}
    (fit,) = em.fit(
        lambda: blocks, family, centred(params, family, frames), Prior(**prior), n_iter, -np.inf,
        numpy_engine(), counts_prior=False,
    )  # fmt: skip
    assert fit.params is not None
    return fit, mstep.shift(fit.params, family, centre), frames


@pytest.mark.parametrize("lengths", [EQUAL, RAGGED, LONG], ids=["equal", "ragged", "long"])
@pytest.mark.parametrize("kind", KINDS)
def test_ten_steps_are_those_of_hmmlearn(kind: str, lengths: np.ndarray) -> None:
    ours = {"covars": 1e-2, "means": 0.5, "means_weight": 0.2, "startprob": 1.5, "transmat": 2.0}
    fit, found, frames = run(kind, lengths, ours, 10)
    _, start, _ = problem(kind, lengths)
    theirs = reference.GaussianHMM(
        3, kind, n_iter=10, tol=-np.inf, init_params="", means_prior=0.5, means_weight=0.2,
        startprob_prior=1.5, transmat_prior=2.0,
    )  # fmt: skip
    theirs.startprob_, theirs.transmat_ = start.startprob[0], start.transmat[0]
    theirs.means_, theirs.covars_ = start.emission[0][0], start.emission[1][0]
    theirs.fit(frames, lengths)
    np.testing.assert_allclose(fit.history, theirs.monitor_.history, rtol=1e-10)
    np.testing.assert_allclose(found.startprob[0], theirs.startprob_, atol=1e-8)
    np.testing.assert_allclose(found.transmat[0], theirs.transmat_, atol=1e-8)
    np.testing.assert_allclose(found.emission[0][0], theirs.means_, atol=1e-8)
    covars = theirs._covars_[:, 0] if kind == "spherical" else theirs._covars_
    np.testing.assert_allclose(found.emission[1][0], covars, atol=1e-8)
    assert fit.log_likelihood == pytest.approx(theirs.score(frames, lengths), rel=1e-10)


@pytest.mark.parametrize("lengths", [EQUAL, RAGGED, LONG], ids=["equal", "ragged", "long"])
def test_ten_categorical_steps_are_those_of_hmmlearn(lengths: np.ndarray) -> None:
    fit, found, frames = run("categorical", lengths, {"emissionprob": 1.5}, 10)
    _, start, _ = problem("categorical", lengths)
    theirs = reference.CategoricalHMM(
        3, n_iter=10, tol=-np.inf, init_params="", emissionprob_prior=1.5, n_features=4
    )
    theirs.startprob_, theirs.transmat_ = start.startprob[0], start.transmat[0]
    theirs.emissionprob_ = start.emission[0][0]
    theirs.fit(frames[:, None], lengths)
    np.testing.assert_allclose(fit.history, theirs.monitor_.history, rtol=1e-10)
    for ours, name in zip(
        (found.startprob, found.transmat, found.emission[0]),
        ("startprob_", "transmat_", "emissionprob_"),
        strict=True,
    ):
        np.testing.assert_allclose(ours[0], getattr(theirs, name), atol=1e-8)


@pytest.mark.parametrize("kind", [*KINDS, "categorical"])
@settings(max_examples=15, deadline=None)
@given(seed=SEEDS)
def test_em_never_lowers_the_penalised_likelihood(kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 12, size=6)
    frames, params, family = problem(kind, lengths, n_restarts=3, seed=seed)
    if kind == "categorical":
        prior = Prior(emissionprob=1.3, transmat=2.0)
    else:
        # A dead and a doubled column, where only the floor holds the covariance up.
        frames = np.c_[frames, 2 * frames[:, :1], np.ones(len(frames))]
        means, covars = params.emission
        means = frames[rng.integers(len(frames), size=means.shape[:2])]
        wide = {
            "spherical": covars,
            "diag": np.ones((3, 3, 4)),
            "full": np.tile(np.eye(4), (3, 3, 1, 1)),
            "tied": np.tile(np.eye(4), (3, 1, 1)),
        }[kind]
        params = params._replace(emission=(means, wide))
        prior = mstep.floor_prior(kind, 1e-3 * frames.var(axis=0).mean(), len(frames), 3, 4)
    block = Block(frames, lengths, centre_of(frames))
    fits = em.fit(
        lambda: [block], family, centred(params, family, frames), prior, 15, -np.inf, numpy_engine()
    )
    for fit in fits:
        assert len(fit.objective) == 15
        gains = np.diff(fit.objective)
        assert gains.min() > -1e-9 * np.abs(fit.objective).max()
        assert gains.max() > 0


def test_floor_bounds_every_variance() -> None:
    frames, params = gaussian("full", EQUAL)
    frames = np.c_[frames, np.ones(len(frames))]
    family, floor, k = Gaussian("full"), 1e-3 * frames.var(axis=0).mean(), 3
    params = params._replace(
        emission=(np.c_[params.emission[0][0], np.ones(3)][None], np.tile(np.eye(3), (1, 3, 1, 1)))
    )
    block = Block(frames, EQUAL, frames.mean(axis=0))
    prior = mstep.floor_prior("full", floor, len(frames), k, 3)
    (fit,) = em.fit(
        lambda: [block], family, centred(params, family, frames), prior, 40, 0, numpy_engine()
    )
    assert fit.params is not None
    assert np.linalg.eigvalsh(fit.params.emission[1]).min() >= floor / k * (1 - 1e-9)


@pytest.mark.parametrize("kind", [*KINDS, "categorical"])
def test_order_of_sequences_and_of_states_does_not_matter(kind: str) -> None:
    frames, params, family = problem(kind, RAGGED)
    params = centred(params, family, frames)
    found = numpy_engine()(params, family, Block(frames, RAGGED, centre_of(frames)), Workspace())
    order, states = np.random.default_rng(1).permutation(len(RAGGED)), [2, 0, 1]
    parts = np.split(frames, np.cumsum(RAGGED)[:-1])
    shuffled = Block(np.concatenate([parts[i] for i in order]), RAGGED[order], centre_of(frames))
    emission = tuple(
        part if part.shape[1:] == (2, 2) else part[:, states] for part in params.emission
    )
    if kind == "tied":
        emission = (params.emission[0][:, states], params.emission[1])
    renamed = Parameters(
        params.startprob[:, states], params.transmat[:, states][:, :, states], emission
    )
    again = numpy_engine()(renamed, family, shuffled, Workspace())
    np.testing.assert_allclose(again.log_likelihood, found.log_likelihood, rtol=1e-12)
    np.testing.assert_allclose(again.start, found.start[:, states], rtol=1e-9)
    np.testing.assert_allclose(again.trans, found.trans[:, states][:, :, states], rtol=1e-8)


@pytest.mark.parametrize("kind", [*KINDS, "categorical"])
@pytest.mark.parametrize("engine", ["numpy", "torch"])
def test_sequences_cut_into_chunks_give_the_same(kind: str, engine: str) -> None:
    whole = expect(kind, LONG, n_restarts=2)
    assert not pack(LONG, cut=False).is_cut
    assert pack(LONG).is_cut
    same(expect(kind, LONG, engine, cut=None, n_restarts=2), whole)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=8), SEEDS)
def test_any_cut_gives_the_same(lengths: list[int], seed: int) -> None:
    ends = np.array(lengths)
    whole = expect("diag", ends, cut=False, seed=seed)
    same(expect("diag", ends, cut=True, seed=seed), whole, 1e-9)


@pytest.mark.parametrize("kind", [*KINDS, "categorical"])
@pytest.mark.parametrize("lengths", [EQUAL, RAGGED], ids=["equal", "ragged"])
def test_torch_gives_the_same(kind: str, lengths: np.ndarray) -> None:
    same(expect(kind, lengths, "torch", n_restarts=2), expect(kind, lengths, n_restarts=2))


def test_cuda_gives_the_same() -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("torch sees no CUDA device")
    found = expect("full", RAGGED, "torch", device="cuda", n_restarts=2)
    same(found, expect("full", RAGGED, n_restarts=2))


@pytest.mark.parametrize("kind", [*KINDS, "categorical"])
def test_blocks_within_a_memory_limit_give_the_same(kind: str) -> None:
    frames, params, family = problem(kind, RAGGED, n_restarts=2)
    params = centred(params, family, frames)
    whole = blocks_of(frames, RAGGED, centre_of(frames), 20)
    small = blocks_of(frames, RAGGED, centre_of(frames), 20, memory_limit=6000)
    assert (len(whole), len(small) > 3) == (1, True)
    same(
        em.total(lambda: small, params, family, numpy_engine(), Workspace()),
        em.total(lambda: whole, params, family, numpy_engine(), Workspace()),
    )


def test_split_keeps_every_sequence_once() -> None:
    parts = split(RAGGED, 45)
    assert [i for part in parts for i in range(len(RAGGED))[part]] == list(range(len(RAGGED)))
    assert all(RAGGED[part].sum() <= 45 for part in parts)
    assert split(np.array([50, 1]), 10) == [slice(0, 1), slice(1, 2)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=7), st.booleans())
def test_packing_holds_every_frame_and_every_pair_once(lengths: list[int], cut: bool) -> None:
    plan = pack(np.array(lengths), cut)
    assert sorted(plan.row) == list(range(sum(lengths)))
    np.testing.assert_array_equal(plan.column[plan.row], np.arange(sum(lengths)))
    found = [
        pair
        for before, after in plan.pairs()
        for pair in zip(plan.row[before].tolist(), plan.row[after].tolist(), strict=True)
    ]
    if plan.is_cut:
        left, right = plan.cuts
        found += zip(plan.row[plan.last[left]].tolist(), plan.row[right].tolist(), strict=True)
    ends = np.cumsum(lengths)
    starts = ends - lengths
    wanted = [
        pair
        for a, b in zip(starts.tolist(), ends.tolist(), strict=True)
        for pair in itertools.pairwise(range(a, b))
    ]
    assert sorted(found) == wanted


@pytest.mark.parametrize("kind", ["diag", "tied", "categorical"])
def test_tiles_of_any_size_give_the_same(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # More lanes than a small tile is wide, and more steps than it is long.
    lengths = np.r_[np.full(300, 4), np.full(20, 60), 1, 33]
    whole = expect(kind, lengths, n_restarts=2)
    assert len(list(panels.tiles(pack(lengths), 10))) == len(pack(lengths).runs)
    monkeypatch.setattr(panels, "PIECE_BYTES", 0)
    small = list(panels.tiles(pack(lengths), 10))
    assert {tile.lanes.start for tile in small} == {0, 256}
    assert {tile.steps.start for tile in small} > {0, 1}
    columns = [i for tile in small for i in range(tile.columns.start, tile.columns.stop)]
    assert columns == list(range(lengths.sum()))
    same(expect(kind, lengths, n_restarts=2), whole)


def test_panels_keep_the_order_of_columns() -> None:
    plan = pack(RAGGED)
    panel = panels.Panel(plan, Workspace(), "some", 2, 3)
    numbers = np.arange(6 * plan.n_frames).reshape(2, 3, -1)
    for step, first, end in zip(panel.steps(), plan.offsets[:-1], plan.offsets[1:], strict=True):
        step[...] = numbers[:, :, first:end]
    np.testing.assert_array_equal(panel.dense(), numbers)
    np.testing.assert_array_equal(panel.ends(), numbers[:, :, plan.last])
    columns = plan.columns_of(4)
    panel.clear(1, columns)
    numbers[:, 1, columns] = 0
    np.testing.assert_array_equal(panel.dense(), numbers)


def left_right() -> tuple[Parameters, np.ndarray, np.ndarray]:
    """Return a chain that never goes back, and data whose last frames look like its beginning."""
    params = Parameters(
        np.array([[1.0, 0, 0]]),
        np.array([[[0.5, 0.5, 0], [0, 0.5, 0.5], [0, 0, 1]]]),
        (np.array([[[0.0], [50], [100]]]), np.ones((1, 3, 1))),
    )
    frames = np.array([[0.0], [50], [100], [0], [100], [0.3], [49], [101]])
    return params, frames, np.array([5, 3])


@pytest.mark.parametrize("engine", ["numpy", "torch"])
@pytest.mark.parametrize("cut", [False, True])
def test_best_state_out_of_reach_is_rescued(engine: str, cut: bool) -> None:
    params, frames, lengths = left_right()
    block = Block(frames, lengths, np.zeros(1), cut=cut)
    found = expectation(engine, "cpu")(params, Gaussian("diag"), block, Workspace())
    theirs = reference.GaussianHMM(3, "diag", init_params="", implementation="log")
    theirs.startprob_, theirs.transmat_ = params.startprob[0], params.transmat[0]
    theirs.means_, theirs.covars_ = params.emission[0][0], params.emission[1][0]
    assert found.log_likelihood[0] == pytest.approx(theirs.score(frames, lengths), rel=1e-12)
    posteriors = theirs.predict_proba(frames, lengths)
    np.testing.assert_allclose(found.sums[0, :, 0], posteriors.sum(axis=0), atol=1e-9)
    logs = theirs._compute_log_likelihood(frames)
    padded = np.zeros((2, 5, 3))
    padded[0], padded[1, :3] = logs[:5], logs[5:]
    exact = logspace.expect(*(np.repeat(part, 2, axis=0) for part in params[:2]), padded, lengths)
    np.testing.assert_allclose(found.trans[0], exact.trans.sum(axis=0), atol=1e-9)
    # Of the two sequences only one needed it.
    assert found.n_rescued.tolist() == [1]


def test_path_that_fades_slowly_and_returns_is_rescued() -> None:
    # Two states that never change. 60 frames speak for state 0 by exp(-20) each, so the path in
    # state 1 underflows; 100 then speak against it. No single scale is small.
    frames = np.concatenate([np.full(60, 0.0), np.full(100, 1.0)])[:, None]
    means = np.array([[[0.0], [1.0]]])
    params = Parameters(
        np.array([[0.5, 0.5]]), np.eye(2)[None], (means, np.full((1, 2, 1), 1 / 40))
    )
    block = Block(frames, np.array([160]), np.zeros(1), cut=False)
    found = numpy_engine()(params, Gaussian("diag"), block, Workspace())
    exact = -0.5 * 160 * np.log(2 * np.pi / 40) + np.log(0.5) - 20 * 60
    assert found.log_likelihood[0] == pytest.approx(exact, rel=1e-12)
    np.testing.assert_allclose(found.sums[0, :, 0], [0, 160], atol=1e-9)
    assert found.n_rescued.tolist() == [1]


@pytest.mark.parametrize("engine", ["numpy", "torch"])
@settings(max_examples=40, deadline=None)
@given(seed=SEEDS)
def test_densities_that_underflow_give_what_log_space_gives(engine: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 9, size=4)
    # Places lie up to 100 standard deviations apart: exp(-5000) is 0, and paths come and go.
    places = rng.choice([0.0, 5, 40, 100], size=(2, 3, 1))
    frames = rng.choice([0.0, 5, 40, 100], size=(int(lengths.sum()), 1))
    frames += rng.normal(size=frames.shape)
    transmat = rng.dirichlet(np.full(3, 0.3), (2, 3)) * (rng.random((2, 3, 3)) < 0.6)
    transmat[:, np.arange(3), [1, 2, 0]] += 0.1
    transmat /= transmat.sum(axis=2, keepdims=True)
    params = Parameters(rng.dirichlet(np.ones(3), 2), transmat, (places, np.ones((2, 3, 1))))
    family, block = Gaussian("diag"), Block(frames, lengths, np.zeros(1), cut=bool(seed % 2))
    found = expectation(engine, "cpu")(params, family, block, Workspace())
    for r in range(2):
        logs = -0.5 * (frames - places[r, :, 0]) ** 2 - 0.5 * np.log(2 * np.pi)
        padded = np.zeros((4, lengths.max(), 3))
        padded[np.arange(lengths.max()) < lengths[:, None]] = logs
        start, moves = (np.repeat(part[r : r + 1], 4, axis=0) for part in params[:2])
        exact = logspace.expect(start, moves, padded, lengths)
        assert found.log_likelihood[r] == pytest.approx(exact.log_likelihood.sum(), rel=1e-11)
        np.testing.assert_allclose(found.trans[r], exact.trans.sum(axis=0), atol=1e-9)
        np.testing.assert_allclose(found.start[r], exact.posteriors[:, 0].sum(axis=0), atol=1e-9)
        np.testing.assert_allclose(
            found.sums[r, :, 0], exact.posteriors.sum(axis=(0, 1)), atol=1e-9
        )


@pytest.mark.parametrize(("distance", "rescued"), [(10.0, 0), (13.0, 1)])
def test_rescue_begins_where_a_frame_is_improbable(distance: float, rescued: int) -> None:
    # The second frame looks like the first state, which has been left for good; its probability
    # is exp(-distance ** 2 / 2) times that in the state it looks like, 2e-22 or 2e-37.
    params = Parameters(
        np.array([[1.0, 0]]),
        np.array([[[0.0, 1], [0, 1]]]),
        (np.array([[[0.0], [distance]]]), np.ones((1, 2, 1))),
    )
    block = Block(np.zeros((2, 1)), np.array([2]), np.zeros(1), cut=False)
    found = numpy_engine()(params, Gaussian("diag"), block, Workspace())
    assert found.log_likelihood[0] == pytest.approx(-np.log(2 * np.pi) - distance**2 / 2)
    assert found.n_rescued.tolist() == [rescued]


def test_far_outlier_needs_no_rescue() -> None:
    frames, params, family = problem("full", EQUAL)
    frames[17] += 300
    params = centred(params, family, frames)
    block = Block(frames, EQUAL, centre_of(frames))
    found = numpy_engine()(params, family, block, Workspace())
    logs = rescue.log_density(
        family.weights(params.emission)[0], family, block, block.packing.column
    )
    padded = logs.T.reshape(12, 20, 3)
    exact = logspace.expect(*(np.repeat(part, 12, axis=0) for part in params[:2]), padded, EQUAL)
    assert found.log_likelihood[0] == pytest.approx(exact.log_likelihood.sum(), rel=1e-12)
    assert found.n_rescued.tolist() == [0]


@pytest.mark.parametrize("kind", KINDS)
def test_state_that_loses_all_mass_keeps_its_distribution(kind: str) -> None:
    frames, params, family = problem(kind, EQUAL)
    means = params.emission[0].copy()
    means[0, 2] = 1e5
    params = params._replace(emission=(means, params.emission[1]))
    block = Block(frames, EQUAL, centre_of(frames))
    prior = mstep.floor_prior(kind, 1e-3, len(frames), 3, 2)
    start = centred(params, family, frames)
    (fit,) = em.fit(lambda: [block], family, start, prior, 5, -np.inf, numpy_engine())
    assert fit.params is not None
    np.testing.assert_array_equal(fit.params.emission[0][0, 2], start.emission[0][0, 2])
    np.testing.assert_array_equal(fit.params.transmat[0, 2], start.transmat[0, 2])
    assert fit.min_occupancy == pytest.approx(0, abs=1e-9)
    assert (np.diff(fit.objective) > -1e-8).all()


def test_zeros_among_transitions_stay() -> None:
    params, frames, lengths = left_right()
    frames = frames + np.random.default_rng(0).normal(size=frames.shape)
    block = Block(frames, lengths, np.zeros(1))
    prior = mstep.floor_prior("diag", 0.1, 8, 3, 1)
    (fit,) = em.fit(lambda: [block], Gaussian("diag"), params, prior, 8, -np.inf, numpy_engine())
    assert fit.params is not None
    assert ((params.transmat == 0) <= (fit.params.transmat == 0)).all()
    assert fit.n_rescued == 1
    assert (np.diff(fit.objective) > -1e-8).all()


@pytest.mark.parametrize("kind", [*KINDS, "categorical"])
def test_one_state_needs_no_recursion(kind: str) -> None:
    frames, params, family = problem(kind, RAGGED, k=1)
    params = centred(params, family, frames)
    block = Block(frames, RAGGED, centre_of(frames))
    found = numpy_engine()(params, family, block, Workspace())
    two = Parameters(
        np.array([[0.5, 0.5]]),
        np.full((1, 2, 2), 0.5),
        tuple(
            part if kind == "tied" and i else np.repeat(part, 2, axis=1)
            for i, part in enumerate(params.emission)
        ),
    )
    wanted = numpy_engine()(two, family, block, Workspace())
    np.testing.assert_allclose(found.log_likelihood, wanted.log_likelihood, rtol=1e-12)
    np.testing.assert_allclose(found.sums[:, 0], wanted.sums.sum(axis=1), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found.trans[:, 0, 0], wanted.trans.sum(axis=(1, 2)))


def test_converged_restarts_are_dropped_and_stay_what_they_were() -> None:
    frames, params, family = problem("full", EQUAL, n_restarts=4)
    params = centred(params, family, frames)
    block = Block(frames, EQUAL, centre_of(frames))
    prior = mstep.floor_prior("full", 1e-3, len(frames), 3, 2)
    sizes = []

    def watch(params: Parameters, *rest: Any) -> Statistics:
        sizes.append(len(params.startprob))
        return numpy_engine()(params, *rest)

    together = em.fit(lambda: [block], family, params, prior, 60, 0.05, watch)
    assert len(set(sizes[:-1])) > 1
    assert sizes[:-1] == sorted(sizes[:-1], reverse=True)
    for i, fit in enumerate(together):
        one = params.take([i])
        (alone,) = em.fit(lambda: [block], family, one, prior, 60, 0.05, numpy_engine())
        assert len(alone.history) == len(fit.history)
        assert alone.log_likelihood == pytest.approx(fit.log_likelihood, rel=1e-12)
        assert alone.converged == fit.converged


def test_halving_keeps_four_and_the_best() -> None:
    frames, params, family = problem("full", EQUAL, k=4, n_restarts=12)
    params = centred(params, family, frames)
    block = Block(frames, EQUAL, centre_of(frames))
    prior = mstep.floor_prior("full", 1e-3, len(frames), 4, 2)
    fits = em.fit(lambda: [block], family, params, prior, 40, -np.inf, numpy_engine(), halving=True)
    steps = [len(fit.history) for fit in fits]
    assert sorted(steps) == [10] * 6 + [25] * 2 + [40] * 4
    at_ten = np.array([fit.objective[9] for fit in fits])
    assert set(np.flatnonzero(np.array(steps) == 10)) == set(np.argsort(-at_ten)[6:])
    assert all(np.isfinite(fit.log_likelihood) for fit in fits)


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_one_step_equals_the_sum_over_all_paths(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 5, size=3)
    frames, params, family = problem("full", lengths, k=2, seed=seed)
    params = centred(params, family, frames)
    block = Block(frames, lengths, centre_of(frames), cut=bool(seed % 2))
    found = numpy_engine()(params, family, block, Workspace())
    logs = rescue.log_density(
        family.weights(params.emission)[0], family, block, block.packing.column
    )
    total, start, trans, post = 0.0, np.zeros(2), np.zeros((2, 2)), np.zeros(2)
    for part in np.split(logs.T, np.cumsum(lengths)[:-1]):
        paths = list(itertools.product(range(2), repeat=len(part)))
        weight = []
        for path in paths:
            value = np.log(params.startprob[0, path[0]]) + part[0, path[0]]
            for t in range(1, len(path)):
                value += np.log(params.transmat[0, path[t - 1], path[t]]) + part[t, path[t]]
            weight.append(value)
        whole = np.logaddexp.reduce(weight)
        total += whole
        for path, value in zip(paths, weight, strict=True):
            share = np.exp(value - whole)
            start[path[0]] += share
            np.add.at(post, list(path), share)
            for a, b in itertools.pairwise(path):
                trans[a, b] += share
    assert found.log_likelihood[0] == pytest.approx(total, rel=1e-10)
    np.testing.assert_allclose(found.start[0], start, atol=1e-10)
    np.testing.assert_allclose(found.trans[0], trans, atol=1e-10)
    np.testing.assert_allclose(found.sums[0, :, 0], post, atol=1e-10)
    entropy = mstep.path_entropy(params, family, found)
    assert entropy[0] >= 0
