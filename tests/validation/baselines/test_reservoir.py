"""A fitted readout equals scikit-learn's, and leaves the recurrence alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge

from hmmlens.rnn.recurrent_network import RecurrentNetwork, initialise
from hmmlens.rnn.training import Sequences
from hmmlens.validation.baselines.reservoir import fit_readout, permute
from hmmlens.validation.baselines.settings import DEFAULT_BASELINES, BaselineSettings

RIDGE, N_STEPS = DEFAULT_BASELINES.ridge, DEFAULT_BASELINES.n_readout_steps


def network(symbols_out: bool) -> RecurrentNetwork:
    return initialise(
        0,
        cell="gru",
        n_inputs=2,
        n_outputs=3,
        n_units=12,
        n_layers=1,
        symbols_in=False,
        symbols_out=symbols_out,
    )


def hidden_of(net: RecurrentNetwork, inputs: torch.Tensor) -> np.ndarray:
    with torch.no_grad():
        return net.hidden(inputs)[-1].double().numpy()


def test_values_follow_ridge() -> None:
    net, rng = network(False), np.random.default_rng(0)
    inputs = torch.from_numpy(rng.normal(size=(20, 15, 2)).astype(np.float32))
    target = rng.normal(size=(20, 15, 3))
    target[0, 3:] = np.nan
    before = {name: value.clone() for name, value in net.layers.state_dict().items()}
    fit_readout(net, Sequences(inputs, torch.from_numpy(target)))
    known = np.isfinite(target).all(axis=2)
    hidden = hidden_of(net, inputs)[known]
    away = hidden - hidden.mean(axis=0)
    alpha = RIDGE * (away**2).sum(axis=0).mean()
    oracle = Ridge(alpha=alpha).fit(hidden, target[known])
    np.testing.assert_allclose(net.out.weight.detach(), oracle.coef_, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(net.out.bias.detach(), oracle.intercept_, rtol=1e-3, atol=1e-5)
    for name, value in net.layers.state_dict().items():
        assert torch.equal(value, before[name])


def test_the_penalty_is_a_setting() -> None:
    # Where the penalty is all that counts, the readout is the mean of the target.
    net = network(False)
    inputs = torch.randn(10, 20, 2, generator=torch.Generator().manual_seed(0))
    target = 1 + inputs.sum(dim=2, keepdim=True).repeat(1, 1, 3)
    fit_readout(net, Sequences(inputs, target), BaselineSettings(ridge=1e9))
    torch.testing.assert_close(net.out.weight, torch.zeros(3, 12), atol=1e-5, rtol=0)
    torch.testing.assert_close(net.out.bias, target.mean(dim=(0, 1)), atol=1e-4, rtol=0)


def test_symbols_follow_multinomial_regression() -> None:
    net, rng = network(True), np.random.default_rng(1)
    inputs = torch.from_numpy(rng.normal(size=(40, 20, 2)).astype(np.float32))
    target = (inputs[..., 0] > 0).long() + (inputs[..., 1] > 0.5).long()
    flip = torch.from_numpy(rng.random(target.shape) < 0.2)
    target[flip] = torch.from_numpy(rng.integers(0, 3, int(flip.sum())))
    target[0, :5] = -1
    fit_readout(net, Sequences(inputs, target))
    known = target.numpy() >= 0
    hidden, wanted = hidden_of(net, inputs)[known], target.numpy()[known]
    scaled = (hidden - hidden.mean(axis=0)) / hidden.std(axis=0, ddof=1)
    # Ours adds RIDGE |w|^2 to the mean loss, theirs |w|^2 / 2 to C times the sum.
    oracle = LogisticRegression(C=1 / (2 * RIDGE * len(wanted)), max_iter=50 * N_STEPS, tol=1e-9)
    distribution = oracle.fit(scaled, wanted).predict_proba(scaled)
    with torch.no_grad():
        found = net(inputs).double().softmax(dim=2).numpy()[known]
    np.testing.assert_allclose(found, distribution, atol=2e-3)


def test_what_the_reservoir_forgets_stays_unknown() -> None:
    # The sign of a pulse 40 steps ago has left an untrained network.
    net, rng = network(False), np.random.default_rng(2)
    inputs = torch.zeros(200, 41, 2)
    sign = torch.from_numpy(rng.choice([-1.0, 1], size=200)).float()
    inputs[:, 0, 0] = sign
    target = torch.full((200, 41, 3), torch.nan)
    target[:, -1] = sign[:, None]
    target[:, 0] = sign[:, None]
    fit_readout(net, Sequences(inputs, target))
    with torch.no_grad():
        predicted = net(inputs)[..., 0]
    assert float((predicted[:, 0] - sign).abs().mean()) < 0.3
    assert float((predicted[:, -1] - sign).abs().mean()) == pytest.approx(1, abs=0.2)


def test_permuted_weights_keep_their_values_and_lose_their_places() -> None:
    net = network(False)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    permute(net, np.random.default_rng(0))
    for name, value in net.state_dict().items():
        torch.testing.assert_close(value.flatten().sort()[0], before[name].flatten().sort()[0])
        assert torch.equal(value, before[name]) == (value.ndim < 2)
