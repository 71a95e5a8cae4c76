"""Each cell equals its published equations, written step by step in double precision."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.special import erf, expit, log_expit

from hmmlens.rnn.cells.layer import CellLayer
from hmmlens.rnn.cells.registry import MODERN

N_INPUTS, N_UNITS, N_STEPS, N_SEQUENCES = 3, 10, 25, 4
Weights = dict[str, np.ndarray]
#: Takes weights and inputs (time, feature) of one sequence; returns hidden units (time, unit) and
#: the memory (entry) after the last step.
Equations = Callable[[Weights, np.ndarray], tuple[np.ndarray, np.ndarray]]


def gelu(x: np.ndarray) -> np.ndarray:
    return x * (1 + erf(x / np.sqrt(2))) / 2


def silu(x: np.ndarray) -> np.ndarray:
    return x * expit(x)


def affine(w: Weights, name: str, x: np.ndarray) -> np.ndarray:
    return w[f"{name}.weight"] @ x + w.get(f"{name}.bias", 0.0)


def minimal(w: Weights, inputs: np.ndarray, cell: str) -> tuple[np.ndarray, np.ndarray]:
    h, hidden = np.zeros(N_UNITS), []
    for x in inputs:
        gates, candidate = expit(affine(w, "gates", x)), affine(w, "candidate", x)
        if cell == "mingru":
            h = (1 - gates) * h + gates * candidate
        else:
            forget, put = gates[:N_UNITS], gates[N_UNITS:]
            h = forget / (forget + put) * h + put / (forget + put) * candidate
        hidden.append(h + affine(w, "block.2", gelu(affine(w, "block.0", h))))
    return np.array(hidden), h


def gated_linear_unit(w: Weights, y: np.ndarray) -> np.ndarray:
    a, b = np.split(affine(w, "block.1", gelu(y)), 2)
    return a * expit(b)


def lru(w: Weights, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sum over all inputs before, x[t] = sum over s of a^(t - s) g B u[s], without a recurrence."""
    a = np.exp(-np.exp(w["log_rate"]) + 1j * np.exp(w["log_phase"]))
    b, c = (w[name] @ [1, 1j] for name in ("read_in", "read_out"))
    u = np.array([affine(w, "encoder", x) for x in inputs])
    hidden = []
    for t in range(len(u)):
        powers = a[:, None] ** (t - np.arange(t + 1))
        state = np.exp(w["log_scale"]) * (powers * (b @ u[: t + 1].T)).sum(axis=1)
        hidden.append(u[t] + gated_linear_unit(w, (c @ state).real + w["direct"] * u[t]))
    return np.array(hidden), np.concatenate([state.real, state.imag])


def s4d(w: Weights, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The convolution with the kernel K[l] = 2 Re(sum over states of C exp(l d A) B)."""
    rates, step = -np.exp(w["log_rate"]) + 1j * w["frequency"], np.exp(w["log_step"])[:, None]
    put, c = (np.exp(step * rates) - 1) / rates, w["read_out"] @ [1, 1j]
    u = np.array([affine(w, "encoder", x) for x in inputs])
    lags = np.arange(len(u))
    kernels = np.exp(step[..., None] * rates[..., None] * lags)
    response = 2 * ((c * put)[..., None] * kernels).sum(axis=1).real
    y = np.array(
        [[response[i, : t + 1][::-1] @ u[: t + 1, i] for i in range(N_UNITS)] for t in lags]
    )
    y += w["direct"] * u
    hidden = u + np.array([gated_linear_unit(w, row) for row in y])
    state = (put[..., None] * kernels[..., ::-1] * u.T[:, None]).sum(axis=2)
    return hidden, np.concatenate([state.real.ravel(), state.imag.ravel()])


def mamba(w: Weights, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    n, n_states = w["log_rate"].shape
    rank = w["step_size.weight"].shape[1]
    window, h, hidden = np.zeros((n, 3)), np.zeros((n, n_states)), []
    for raw in inputs:
        xz = affine(w, "project_in", affine(w, "encoder", raw))
        whole = np.column_stack([window, xz[:n]])
        window = whole[:, 1:]
        x = silu((whole * w["convolution.weight"][:, 0]).sum(axis=1) + w["convolution.bias"])
        selected = affine(w, "select", x)
        put, read = selected[rank : rank + n_states], selected[rank + n_states :]
        step = np.log1p(np.exp(affine(w, "step_size", selected[:rank]) + w["step_bias"]))
        decay = np.exp(np.outer(step, np.ones(n_states)) * -np.exp(w["log_rate"]))
        h = decay * h + np.outer(step * x, put)
        hidden.append(affine(w, "project_out", (h @ read + w["direct"] * x) * silu(xz[n:])))
    return np.array(hidden), np.concatenate([h.ravel(), window.ravel()])


def slstm(w: Weights, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Without a stabiliser, which the exact equations do not need."""
    h, c, n, hidden = np.zeros(N_UNITS), np.zeros(N_UNITS), np.zeros(N_UNITS), []
    m = np.full(N_UNITS, -np.inf)
    for x in inputs:
        i, f, z, o = np.split(affine(w, "input", x) + affine(w, "recurrent", h) + w["bias"], 4)
        c = expit(f) * c + np.exp(i) * np.tanh(z)
        n = expit(f) * n + np.exp(i)
        m = np.maximum(log_expit(f) + m, i)
        h = expit(o) * c / n
        hidden.append(h)
    return np.array(hidden), np.concatenate([c / np.exp(m), n / np.exp(m), m])


def mlstm(w: Weights, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Without a stabiliser, which the exact equations do not need."""
    n_heads = len(w["gate_bias"]) // 2
    size = N_UNITS // n_heads
    c, n, hidden = np.zeros((n_heads, size, size)), np.zeros((n_heads, size)), []
    m = np.full(n_heads, -np.inf)
    for x in inputs:
        u = affine(w, "encoder", x)
        q, k, v = (affine(w, part, u).reshape(n_heads, size) for part in ("query", "key", "value"))
        i, f = np.split(affine(w, "gates", u) + w["gate_bias"], 2)
        k = k / np.sqrt(size)
        c = expit(f)[:, None, None] * c + np.exp(i)[:, None, None] * v[:, :, None] * k[:, None]
        n = expit(f)[:, None] * n + np.exp(i)[:, None] * k
        m = np.maximum(log_expit(f) + m, i)
        length = np.maximum(np.abs((n * q).sum(axis=1)), 1)
        read = np.einsum("hvk,hk->hv", c, q) / length[:, None]
        hidden.append(expit(affine(w, "output", u)) * read.ravel())
    divided = (c / np.exp(m)[:, None, None]).ravel(), (n / np.exp(m)[:, None]).ravel()
    return np.array(hidden), np.concatenate([*divided, m])


def rwkv(w: Weights, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The average over all steps before as a sum, without a recurrence."""
    u = np.array([affine(w, "encoder", x) for x in inputs])
    before = np.vstack([np.zeros(N_UNITS), u[:-1]])
    mixed = [share * u + (1 - share) * before for share in w["mix"]]
    r, k, v = (
        x @ w[f"{part}.weight"].T
        for part, x in zip(("receptance", "key", "value"), mixed, strict=True)
    )
    rate, hidden = np.exp(w["log_rate"]), []
    for t in range(len(u)):
        weights = np.exp(-(t - 1 - np.arange(t))[:, None] * rate + k[:t])
        own = np.exp(w["bonus"] + k[t])
        average = ((weights * v[:t]).sum(axis=0) + own * v[t]) / (weights.sum(axis=0) + own)
        hidden.append(w["output.weight"] @ (expit(r[t]) * average))
    exponents = -(len(u) - 1 - np.arange(len(u)))[:, None] * rate + k
    m = exponents.max(axis=0)
    weights = np.exp(exponents - m)
    return np.array(hidden), np.concatenate(
        [u[-1], (weights * v).sum(axis=0), weights.sum(axis=0), m]
    )


EQUATIONS: dict[str, Equations] = {
    "mingru": lambda w, x: minimal(w, x, "mingru"),
    "minlstm": lambda w, x: minimal(w, x, "minlstm"),
    "lru": lru,
    "s4d": s4d,
    "mamba": mamba,
    "slstm": slstm,
    "mlstm": mlstm,
    "rwkv": rwkv,
}


def layer(cell: str) -> CellLayer:
    torch.manual_seed(1)
    made = MODERN[cell].layer_type()(N_INPUTS, N_UNITS)
    with torch.no_grad():
        # Initial values that are alike for all units would hide an exchange of two of them.
        for values in made.parameters():
            values += 0.1 * torch.randn_like(values)
    return made


@pytest.mark.parametrize("cell", MODERN)
def test_layers_equal_the_published_equations(cell: str) -> None:
    made = layer(cell).double()
    inputs = torch.randn(N_SEQUENCES, N_STEPS, N_INPUTS, dtype=torch.float64)
    weights = {name: value.numpy() for name, value in made.state_dict().items()}
    with torch.no_grad():
        hidden, (_, memory) = made(inputs)
    for row in range(N_SEQUENCES):
        wanted, kept = EQUATIONS[cell](weights, inputs[row].numpy())
        np.testing.assert_allclose(hidden[row], wanted, atol=1e-10)
        np.testing.assert_allclose(memory[row], kept, atol=1e-10)


@pytest.mark.parametrize("cell", ["slstm", "mlstm", "rwkv"])
def test_large_exponents_do_not_overflow(cell: str) -> None:
    made = layer(cell)
    inputs = 1e3 * torch.randn(N_SEQUENCES, N_STEPS, N_INPUTS)
    hidden, (_, memory) = made(inputs)
    hidden.sum().backward()
    assert torch.isfinite(hidden).all() and torch.isfinite(memory).all()
    assert all(
        torch.isfinite(value.grad).all() for value in made.parameters() if value.grad is not None
    )
