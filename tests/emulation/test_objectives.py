"""Straight-through samples, objectives compared with brute force, and their bias."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from scipy.stats import chisquare
from torch import Tensor
from torch.nn.functional import one_hot

from hmmlens.datasets.synthetic.generators import check_hmm, sample_hmm
from hmmlens.emulation.objectives import OBJECTIVES, emit, energy_distance, split_divergence
from hmmlens.emulation.sinkhorn import divergence, transport
from hmmlens.errors import DataError


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def batch(n: int, steps: int, seed: int, leave: float = 0.05, rare: float = 0.01) -> Tensor:
    """Sequences of the two-state chain, or of one that leaves states otherwise."""
    emission = [[1 - rare, rare, 0.0], [0.0, rare, 1 - rare]]
    hmm = check_hmm([0.5, 0.5], [[1 - leave, leave], [leave, 1 - leave]], emission)
    symbols = sample_hmm(hmm, n, steps, np.random.default_rng(seed))[0]
    return one_hot(torch.from_numpy(symbols), 3).float()


def test_emitted_symbols_follow_the_softmax() -> None:
    logits = torch.tensor([0.3, -1.0, 1.2, -4.0])
    drawn = emit(logits.expand(20_000, 4), seeded())
    assert set(drawn.unique().tolist()) == {0.0, 1.0} and (drawn.sum(-1) == 1).all()
    expected = logits.softmax(0).double().numpy() * 20_000
    assert (
        chisquare(drawn.sum(0).numpy(), expected * drawn.sum().item() / expected.sum()).pvalue
        > 0.01
    )
    assert torch.equal(drawn, emit(logits.expand(20_000, 4), seeded()))
    assert not torch.equal(drawn, emit(logits.expand(20_000, 4), seeded(1)))


def test_gradient_of_emitted_symbols_is_that_of_the_soft_sample() -> None:
    logits = torch.randn(50, 3, generator=seeded(1), requires_grad=True)
    weight = torch.randn(50, 3, generator=seeded(2))
    (emit(logits, seeded(3)) * weight).sum().backward()
    waiting = torch.empty(50, 3).exponential_(generator=seeded(3))
    soft = (logits.detach() - waiting.log()).softmax(-1)
    expected = soft * (weight - (soft * weight).sum(-1, keepdim=True))
    torch.testing.assert_close(logits.grad, expected)


def test_split_divergence_is_made_of_transports_between_halves() -> None:
    x, y = batch(40, 12, 0), batch(30, 12, 1, leave=0.4)
    terms = [transport(a, b) for a in (x[:20], x[20:]) for b in (y[:15], y[15:])]
    across = (terms[0] + terms[3]) / 2
    expected = across - transport(x[:20], x[20:]) / 2 - transport(y[:15], y[15:]) / 2
    assert split_divergence(x, y).item() == pytest.approx(expected.item(), rel=1e-5)
    # An odd sequence has no partner.
    more = torch.cat([x, batch(1, 12, 2)])
    assert split_divergence(more, y).item() == pytest.approx(expected.item(), rel=1e-5)


def test_energy_distance_is_that_of_all_pairs() -> None:
    x, y = batch(25, 10, 0), batch(30, 10, 1, leave=0.4)
    a, b = (part.flatten(1).double().numpy() for part in (x, y))
    expected = (
        2 * cdist(a, b).mean() - cdist(a, a).sum() / (25 * 24) - cdist(b, b).sum() / (30 * 29)
    )
    assert energy_distance(x, y).item() == pytest.approx(expected, rel=1e-4)
    moved = x.clone().requires_grad_()
    energy_distance(torch.cat([moved, moved]), y).backward()
    assert moved.grad is not None and moved.grad.isfinite().all()


@pytest.mark.parametrize("name", [pytest.param("split", marks=pytest.mark.study), "energy"])
def test_unbiased_objectives_average_to_nothing_and_see_what_differs(name: str) -> None:
    objective, repeats = OBJECTIVES[name], 24

    def scores(**change: float) -> np.ndarray:
        pairs = [(batch(96, 30, 2 * i, **change), batch(96, 30, 2 * i + 1)) for i in range(repeats)]
        return np.array([objective(*pair).item() for pair in pairs])

    same = scores()
    error = same.std(ddof=1) / np.sqrt(repeats)
    assert abs(same.mean()) < 3 * error
    for change in ({"leave": 0.15}, {"leave": 0.01}, {"rare": 0.2}):
        other = scores(**change)
        assert other.mean() > same.mean() + 4 * (error + other.std(ddof=1) / np.sqrt(repeats))


def test_the_debiased_divergence_prefers_fewer_switches_than_the_target_has() -> None:
    """The bias that the split sample removes: the true distribution does not score best."""

    def score(leave: float, rare: float, name: str) -> float:
        pairs = [(batch(256, 50, 2 * i, leave, rare), batch(256, 50, 2 * i + 1)) for i in range(8)]
        return float(np.mean([OBJECTIVES[name](*pair).item() for pair in pairs]))

    assert score(0.03, 0.0, "sinkhorn") < score(0.05, 0.01, "sinkhorn") - 0.3
    assert score(0.03, 0.0, "split") > score(0.05, 0.01, "split") + 0.1


@pytest.mark.parametrize("name", OBJECTIVES)
def test_objectives_send_a_gradient_to_what_was_emitted(name: str) -> None:
    logits = torch.zeros(64, 20, 3, requires_grad=True)
    target = batch(64, 20, 1)
    OBJECTIVES[name](emit(logits, seeded()), target).backward()
    assert logits.grad is not None
    # Noise emits the rare symbol too often.
    assert (logits.grad.mean((0, 1))[1] > logits.grad.mean((0, 1))[[0, 2]]).all()


def test_one_sequence_has_no_other_half() -> None:
    x = batch(1, 5, 0)
    for objective in (split_divergence, energy_distance):
        with pytest.raises(DataError, match="two sequences"):
            objective(x, x)
    assert divergence(x, x).item() == pytest.approx(0, abs=1e-5)
