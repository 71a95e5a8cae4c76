"""The compiled kernel gives what NumPy and exact log space give, whatever the data."""

from __future__ import annotations

import ctypes
import logging
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hmmlens.errors import DataError
from hmmlens.hmm import GaussianHMM
from hmmlens.hmm.engine.blocks import Block, Workspace
from hmmlens.hmm.engine.covariances import compact
from hmmlens.hmm.engine.emissions import Gaussian
from hmmlens.hmm.engine.engines import expectation
from hmmlens.hmm.engine.kernel import call, loading
from hmmlens.hmm.engine.parameters import Family, Parameters, Statistics
from hmmlens.hmm.engine.passes import estep, logspace, rescue
from hmmlens.hmm.engine.symbols import Categorical
from hmmlens.observations import HIDDEN
from hmmlens.typing import Floats

COMPILED = [name for name in loading.available() if name != loading.NUMPY]
KINDS = ("spherical", "diag", "full", "tied", "categorical")
needs_kernel = pytest.mark.skipif(not COMPILED, reason="no compiled kernel is built")

Case = tuple[Parameters, Family, Block]


@pytest.mark.skipif(shutil.which("c++") is None, reason="there is no C++ compiler")
def test_every_kernel_that_this_processor_can_run_is_built() -> None:
    # Otherwise the tests in a kernel would be skipped without a word.
    flags = loading.processor_flags()
    assert [name for name, needed in loading.FLAGS.items() if needed <= flags] == COMPILED


def case(kind: str, lengths: list[int], k: int, d: int, seed: int, odd: str = "") -> Case:
    """Return random parameters of three restarts and data; ``odd`` names what is special."""
    rng = np.random.default_rng(seed)
    n, ends = sum(lengths), np.array(lengths)
    transmat = rng.dirichlet(np.full(k, 0.5), (3, k))
    if odd == "decayed":
        transmat *= 10.0 ** rng.choice([0, -30, -150, -305], transmat.shape)
    if odd == "forced":
        transmat *= rng.random(transmat.shape) < 0.4
    transmat[:, np.arange(k), (np.arange(k) + 1) % k] += 0.05
    transmat /= transmat.sum(axis=2, keepdims=True)
    startprob = rng.dirichlet(np.ones(k), 3)
    hidden = rng.random(n) < (0.3 if odd == "hidden" else 0)
    if kind == "categorical":
        frames = np.where(hidden, HIDDEN, rng.integers(0, d + 1, n))
        emission = rng.dirichlet(np.ones(d + 1), (3, k))
        return Parameters(startprob, transmat, (emission,)), Categorical(d + 1), Block(frames, ends)
    spread = 40 if odd in ("forced", "outliers") else 3
    means = spread * rng.normal(size=(3, k, d))
    values = means[0, (np.arange(n) // 5) % k] + rng.normal(size=(n, d))
    if odd == "outliers":
        values[rng.random(n) < 0.1] *= 1e5
    values[hidden] = np.nan
    root = rng.normal(size=(3, k, d, d)) / np.sqrt(d)
    full = root @ root.swapaxes(2, 3) + 0.5 * np.eye(d)
    covars = np.stack([compact(each, kind) for each in full])
    block = Block(values, ends, np.zeros(d))
    return Parameters(startprob, transmat, (means, covars)), Gaussian(kind), block


def exact(params: Parameters, family: Family, block: Block) -> Statistics:
    """Return the statistics by log space alone."""
    n_restarts, n_states = params.startprob.shape
    weights, scatter = family.weights(params.emission), block.scatter(family)
    everything = Statistics(
        np.zeros(n_restarts) + family.common(params.emission, scatter),
        np.zeros((n_restarts, n_states)),
        np.zeros((n_restarts, n_states, n_states)),
        np.zeros(weights.shape),
        scatter,
        np.zeros(n_restarts, dtype=np.int64),
    )
    all_of_them = [np.arange(block.packing.n_sequences)] * n_restarts
    rescue.rescue(all_of_them, params, family, block, weights, everything)
    return everything


def close(found: Statistics, wanted: Statistics, rtol: float) -> None:
    for name, value in vars(wanted).items():
        if name != "n_rescued" and value.size:
            atol = rtol * max(1, np.abs(value).max())
            np.testing.assert_allclose(getattr(found, name), value, rtol, atol, err_msg=name)


@needs_kernel
@pytest.mark.parametrize("odd", ["", "hidden", "outliers", "decayed", "forced"])
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=12, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=20),
    k=st.integers(1, 16),
    d=st.integers(1, 8),
    seed=st.integers(0, 2**32 - 1),
)
def test_statistics_are_those_of_numpy_and_of_log_space(
    kind: str, odd: str, lengths: list[int], k: int, d: int, seed: int
) -> None:
    params, family, block = case(kind, lengths, k, d, seed, odd)
    wanted = estep.expect(params, family, block, Workspace())
    truth = exact(params, family, block)
    for name in COMPILED:
        found = loading.expectation_of(name)(params, family, block, Workspace())
        # Sequences are in log space where their scale is small, and the two sides of the limit
        # differ by what log space rounds.
        close(found, wanted, 1e-10 if (found.n_rescued == wanted.n_rescued).all() else 1e-8)
        close(found, truth, 1e-8)


@needs_kernel
@pytest.mark.parametrize("name", COMPILED)
def test_only_the_sequences_that_need_it_are_rescued(name: str) -> None:
    # A chain that never goes back; five of 37 sequences end as if it had.
    rng = np.random.default_rng(0)
    frames = np.repeat([0.0, 50.0, 100.0], 10)[None, :, None] + rng.normal(size=(37, 30, 1))
    back = [0, 7, 8, 20, 36]
    frames[back, 25:] -= 100
    params = Parameters(
        np.array([[1.0, 0, 0]]),
        np.array([[[0.9, 0.1, 0], [0, 0.9, 0.1], [0, 0, 1]]]),
        (np.array([[[0.0], [50], [100]]]), np.ones((1, 3, 1))),
    )
    family, block = Gaussian("diag"), Block(frames.reshape(-1, 1), np.full(37, 30), np.zeros(1))
    found = loading.expectation_of(name)(params, family, block, Workspace())
    assert found.n_rescued.tolist() == [5]
    close(found, estep.expect(params, family, block, Workspace()), 1e-10)
    close(found, exact(params, family, block), 1e-10)


@needs_kernel
@pytest.mark.parametrize("name", COMPILED)
@pytest.mark.parametrize("kind", KINDS)
def test_bits_depend_on_neither_the_batch_nor_the_memory(name: str, kind: str) -> None:
    params, family, block = case(kind, [50, 3, 80, 41, 17, 17, 90, 25, 61], 6, 3, 1, "forced")
    space, expect = Workspace(), loading.expectation_of(name)
    space.flat("kernel", 10**6)[:] = np.nan
    together = expect(params, family, block, space)
    for restart in range(3):
        alone = expect(params.take([restart]), family, block, Workspace())
        assert alone.sums.tobytes() == together.sums[[restart]].tobytes()
        assert alone.trans.tobytes() == together.trans[[restart]].tobytes()
        assert alone.log_likelihood.tobytes() == together.log_likelihood[[restart]].tobytes()
    again = expect(params, family, Block(block.values.T[block.packing.column], np.diff(
        block.packing.starts), None if kind == "categorical" else np.zeros(3)), space)  # fmt: skip
    assert again.sums.tobytes() == together.sums.tobytes()


@needs_kernel
@pytest.mark.parametrize("name", COMPILED)
def test_subnormal_numbers_are_what_they_were_after_a_call(name: str) -> None:
    library = loading.library(name)
    assert library is not None
    seen: list[float] = []

    class Watched:
        memory_size = library.memory_size

        @staticmethod
        def expectation(problem: ctypes.Structure) -> None:
            library.expectation(problem)
            seen.append(float((np.array([1e-300]) * 1e-10)[0]))

    params, family, block = case("diag", [30, 20], 3, 2, 0)
    arguments = (params, family, block, call._lanes(block, family), family.weights(params.emission))
    call._expect(Watched, call.MODES["diag"], *arguments, Workspace())  # type: ignore[arg-type]
    assert seen == [1e-310]


@needs_kernel
@pytest.mark.parametrize("name", COMPILED)
def test_what_the_kernel_is_not_made_for_is_computed_by_numpy(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[int] = []
    reference = estep.expect

    def counted(*arguments: object) -> Statistics:
        called.append(1)
        return reference(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(estep, "expect", counted)
    params, family, block = case("diag", [30, 20], 3, 2, 0)
    loading.expectation_of(name)(params, family, block, Workspace())
    assert not called
    broken = params._replace(startprob=np.full_like(params.startprob, np.nan))
    found = loading.expectation_of(name)(broken, family, block, Workspace())
    assert called and np.isnan(found.log_likelihood).all()
    far = Block(np.full((50, 2), 1e120), np.array([30, 20]), np.zeros(2))
    loading.expectation_of(name)(params, family, far, Workspace())
    assert len(called) == 2
    # One long sequence, which NumPy cuts into chunks, and panels larger than NumPy's.
    long = Block(np.ones((5000, 2)), np.array([5000]), np.zeros(2))
    loading.expectation_of(name)(params, family, long, Workspace())
    assert len(called) == 3
    monkeypatch.setattr(call, "FREE", 0)
    uneven = Block(np.ones((402, 2)), np.array([400, 1, 1]), np.zeros(2))
    loading.expectation_of(name)(params, family, uneven, Workspace())
    assert len(called) == 4


@needs_kernel
def test_fields_of_the_argument_are_in_the_order_of_the_source() -> None:
    source = Path(loading.__file__).with_name("estep.cpp").read_text()
    (body,) = re.findall(r"struct Problem \{(.*?)\n\};", source, re.S)
    found = []
    for declaration in re.sub(r"//.*", "", body).split(";"):
        found += re.findall(r"(\w+)\s*(?:,|$)", declaration.strip())
    assert found == [field[0] for field in call.Problem._fields_]
    assert f"interface_version() {{ return {call.INTERFACE_VERSION}; }}" in source


def test_the_variable_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(loading.VARIABLE, "numpy")
    assert expectation("numpy") is estep.expect
    for name in ("", "auto"):
        monkeypatch.setenv(loading.VARIABLE, name)
        assert loading.chosen() == loading.available()[0]
    monkeypatch.setenv(loading.VARIABLE, "avx")
    with pytest.raises(DataError, match="must be one of auto, v4, v3, numpy, found 'avx'"):
        expectation("numpy")


def test_a_kernel_that_cannot_run_here_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(loading, "library", lambda name: None)
    monkeypatch.setenv(loading.VARIABLE, "v3")
    there = tmp_path / "estep_v3.so"
    monkeypatch.setattr(loading, "path_of", lambda name: there)
    with pytest.raises(DataError, match="v3, but it is not built; available here: numpy"):
        loading.chosen()
    there.touch()
    with pytest.raises(DataError, match="v3, but this processor lacks"):
        loading.chosen()
    monkeypatch.setenv(loading.VARIABLE, "auto")
    assert loading.chosen() == "numpy"


def test_flags_of_the_processor_decide(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    listed = tmp_path / "cpuinfo"
    listed.write_text("processor : 0\nflags\t\t: avx2 fma bmi1 bmi2 f16c movbe abm sse4_2\n\n")
    flags = loading.processor_flags(str(listed))
    assert flags >= loading.FLAGS["v3"] and not flags >= loading.FLAGS["v4"]
    assert loading.processor_flags(str(tmp_path / "none")) == frozenset()
    there = tmp_path / "estep_v3.so"
    there.write_text("not a library")
    monkeypatch.setattr(loading, "path_of", lambda name: there)
    for found in (frozenset[str](), flags):
        monkeypatch.setattr(loading, "processor_flags", lambda found=found: found)
        assert loading.library.__wrapped__("v3") is None


def test_one_line_of_the_log_names_what_runs(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(loading.VARIABLE, "numpy")
    loading._announce.cache_clear()
    with caplog.at_level(logging.INFO, logger=loading.__name__):
        for _ in range(2):
            GaussianHMM(2, n_iter=1, random_state=0).fit(np.arange(20.0)[None, :, None])
    (line,) = [record for record in caplog.records if record.name == loading.__name__]
    assert "NumPy" in line.getMessage()


def test_log_space_is_an_independent_reference() -> None:
    # Two states, two frames, written out.
    transmat, emission = np.array([[[0.9, 0.1], [0.4, 0.6]]]), np.array([[[0.5, 0.5], [0.2, 0.8]]])
    params = Parameters(np.array([[0.3, 0.7]]), transmat, (emission,))
    block = Block(np.array([0, 1]), np.array([2]))
    first = np.array([0.3 * 0.5, 0.7 * 0.2])
    second: Floats = (first @ params.transmat[0]) * [0.5, 0.8]
    found = exact(params, Categorical(2), block)
    assert found.log_likelihood[0] == pytest.approx(np.log(second.sum()), rel=1e-14)
    assert logspace.LOWEST < -600
