"""The Sinkhorn divergence against geomloss, closed forms and finite differences of its cost."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import one_hot

from hmmlens.datasets.synthetic.generators import check_hmm, preset_hmm, sample_hmm
from hmmlens.emulation import sinkhorn
from hmmlens.emulation.sinkhorn import divergence, self_transport, transport
from hmmlens.errors import DataError

#: What a network may emit before it has learnt: noise, one symbol for ever, mostly one symbol.
UNTRAINED = {
    "noise": check_hmm([1.0], [[1.0]], [[0.3, 0.3, 0.4]]),
    "constant": check_hmm([1.0], [[1.0]], [[1.0, 0.0, 0.0]]),
    "nearly constant": check_hmm([1.0], [[1.0]], [[0.98, 0.01, 0.01]]),
}


def batch(name: str, n: int, steps: int, seed: int) -> Tensor:
    hmm = UNTRAINED[name] if name in UNTRAINED else preset_hmm(name)
    symbols = sample_hmm(hmm, n, steps, np.random.default_rng(seed))[0]
    return one_hot(torch.from_numpy(symbols), hmm.emissionprob.shape[1]).float()


def by_geomloss(x: Tensor, y: Tensor, blur: float = 0.2, debias: bool = True) -> tuple[float, ...]:
    from geomloss import SamplesLoss

    points = x.flatten(1).clone().requires_grad_()
    loss = SamplesLoss("sinkhorn", p=2, blur=blur, debias=debias, backend="tensorized")
    value = loss(points, y.flatten(1))
    value.backward()
    assert points.grad is not None
    return value.item(), points.grad


def ours(x: Tensor, y: Tensor, blur: float = 0.2) -> tuple[float, ...]:
    points = x.clone().requires_grad_()
    value = divergence(points, y, blur)
    value.backward()
    assert points.grad is not None
    return value.item(), points.grad.flatten(1)


@pytest.mark.parametrize(
    ("x", "y", "n", "m", "steps", "blur"),
    [
        ("chain2", "chain2", 256, 256, 100, 0.2),
        ("chain2", "chain2", 200, 130, 50, 0.2),
        ("noise", "chain2", 128, 128, 100, 0.2),
        ("constant", "chain2", 128, 128, 50, 0.2),
        ("nearly constant", "fully3", 128, 128, 30, 0.2),
        ("fully3", "fully3", 300, 300, 12, 0.2),
        ("cyclic4", "cyclic4", 64, 256, 40, 0.2),
        ("chain5", "chain3", 128, 128, 30, 0.2),
        # A blur at which different sequences exchange mass, so that self terms are iterated.
        ("fully3", "fully3", 128, 128, 10, 0.7),
    ],
)
@pytest.mark.parametrize("seed", [0, 1])
def test_value_and_gradient_are_those_of_geomloss(
    x: str, y: str, n: int, m: int, steps: int, blur: float, seed: int
) -> None:
    one, two = batch(x, n, steps, seed), batch(y, m, steps, 100 + seed)
    value, gradient = ours(one, two, blur)
    expected, their_gradient = by_geomloss(one, two, blur)
    assert value == pytest.approx(expected, rel=1e-3)
    cosine = torch.cosine_similarity(gradient.flatten(), their_gradient.flatten(), dim=0)
    assert cosine > 0.999
    assert gradient.norm() / their_gradient.norm() == pytest.approx(1, rel=1e-3)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 12),
    st.integers(1, 12),
    st.integers(1, 6),
    st.integers(2, 4),
    st.integers(0, 2**32 - 1),
)
def test_small_batches_equal_geomloss(n: int, m: int, steps: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    # Few kinds of sequences, so that there are equal ones within and across.
    kinds = rng.integers(k, size=(5, steps))
    x, y = (one_hot(torch.from_numpy(kinds[rng.integers(5, size=i)]), k).float() for i in (n, m))
    both = torch.cat([x, y])
    if (both == both[0]).all():  # geomloss has no schedule for a diameter of 0
        assert divergence(x, y).item() == pytest.approx(0, abs=1e-5)
        return
    value, gradient = ours(x, y)
    expected, their_gradient = by_geomloss(x, y)
    assert value == pytest.approx(expected, rel=1e-3, abs=1e-5)
    torch.testing.assert_close(gradient, their_gradient, rtol=1e-3, atol=1e-4 / n)


def test_equal_batches_do_not_differ_and_others_do() -> None:
    x = batch("chain2", 64, 30, 0)
    assert divergence(x, x[torch.randperm(64)]).item() == pytest.approx(0, abs=1e-4)
    assert divergence(x, batch("noise", 64, 30, 1)).item() > 5


def test_transport_is_the_best_assignment() -> None:
    # Six sequences a side, all different: as the blur vanishes, the cheapest permutation.
    x, y = batch("noise", 6, 12, 2), batch("noise", 6, 12, 3)
    cost = 12 - (x.flatten(1) @ y.flatten(1).T)
    best = min(
        float(cost[range(6), list(order)].mean()) for order in itertools.permutations(range(6))
    )
    # The entropic cost of mass 1/n each adds up to blur^2 log n.
    assert transport(x, y, 0.1).item() == pytest.approx(best, abs=0.1**2 * math.log(6) + 1e-2)


@pytest.mark.parametrize("which", ["x", "y"])
def test_gradient_is_the_change_of_the_cost(which: str) -> None:
    parts = {"x": batch("noise", 40, 8, 4), "y": batch("fully3", 30, 8, 5)}
    symbols = parts[which].argmax(2)

    # A blur so wide compared with one changed symbol that the plan hardly changes.
    moved = parts[which].clone().requires_grad_()
    before = transport(**(parts | {which: moved}), blur=10.0)
    before.backward()
    assert moved.grad is not None
    real, predicted = [], []
    for row, t in itertools.product(range(0, 30, 7), range(8)):
        other = symbols.clone()
        other[row, t] = (other[row, t] + 1) % 3
        changed = one_hot(other, 3).float()
        after = transport(**(parts | {which: changed}), blur=10.0)
        real.append(after.item() - before.item())
        predicted.append((moved.grad * (changed - parts[which])).sum().item())
    assert np.abs(real).max() > 5e-3
    np.testing.assert_allclose(real, predicted, atol=0.05 * np.abs(real).max())


def test_self_transport_has_the_iterated_value_and_gradient() -> None:
    x = batch("fully3", 200, 8, 6)
    assert len(torch.unique(x, dim=0)) < 150
    one, two = x.clone().requires_grad_(), x.clone().requires_grad_()
    closed, iterated = self_transport(one), transport(two, two)
    closed.backward()
    iterated.backward()
    assert closed.item() == pytest.approx(iterated.item(), rel=1e-5)
    torch.testing.assert_close(one.grad, two.grad, rtol=1e-4, atol=1e-7)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = batch("chain2", 70, 20, 7), batch("chain2", 50, 20, 8)
    whole = ours(x, y)
    monkeypatch.setitem(sinkhorn.BLOCK, "cpu", 50 * 9)
    cut = ours(x, y)
    assert cut[0] == pytest.approx(whole[0], rel=1e-5)
    torch.testing.assert_close(cut[1], whole[1])


def test_what_is_no_batch_is_refused() -> None:
    x = batch("chain2", 4, 5, 0)
    with pytest.raises(DataError, match="one-hot"):
        divergence(x * 0.9, x)
    with pytest.raises(DataError, match="one-hot"):
        transport(torch.zeros_like(x), x)
    with pytest.raises(DataError, match="equal times"):
        divergence(x, x[:, :3])
    with pytest.raises(DataError, match="at least one"):
        divergence(x[:0], x)
