"""Mamba and xLSTM equal the implementations of other packages, where these are installed."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
import torch

from hmmlens.rnn.cells.layer import CellLayer
from hmmlens.rnn.cells.registry import MODERN

N_UNITS, N_STEPS = 16, 30


def layer(cell: str) -> CellLayer:
    torch.manual_seed(2)
    return MODERN[cell].layer_type()(3, N_UNITS)


def xlstm(path: str) -> ModuleType:
    """Return a module of xlstm without what the package imports, such as kernels for GPUs."""
    package = importlib.util.find_spec("xlstm")
    if package is None or not package.submodule_search_locations:
        pytest.skip("xlstm is not installed: pip install --no-deps xlstm")
    file = Path(package.submodule_search_locations[0], path)
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@torch.no_grad()
def test_mamba_equals_mambapy() -> None:
    mambapy = pytest.importorskip(
        "mambapy.mamba", reason="mambapy is not installed: pip install '.[cells]'"
    )
    ours = layer("mamba")
    config = mambapy.MambaConfig(d_model=N_UNITS, n_layers=1, d_state=4, d_conv=4, expand_factor=2)
    theirs = mambapy.MambaBlock(config)
    own = ours.state_dict()
    names = {
        "in_proj.weight": "project_in.weight",
        "conv1d.weight": "convolution.weight",
        "conv1d.bias": "convolution.bias",
        "x_proj.weight": "select.weight",
        "dt_proj.weight": "step_size.weight",
        "dt_proj.bias": "step_bias",
        "A_log": "log_rate",
        "D": "direct",
        "out_proj.weight": "project_out.weight",
    }
    theirs.load_state_dict({name: own[mine] for name, mine in names.items()})
    x = torch.randn(4, N_STEPS, 3)
    u = ours.encoder(x)
    hidden, entry = ours(x)
    torch.testing.assert_close(hidden, theirs(u), atol=1e-5, rtol=0)
    cache = (None, torch.zeros(4, 2 * N_UNITS, 3))
    for t in range(N_STEPS):
        emitted, cache = theirs.step(u[:, t], cache)
        torch.testing.assert_close(hidden[:, t], emitted, atol=1e-5, rtol=0)
    for mine, their in zip(ours.split(entry[1]), cache, strict=True):
        torch.testing.assert_close(mine, their, atol=1e-5, rtol=0)


@torch.no_grad()
def test_slstm_equals_xlstm() -> None:
    step = xlstm("blocks/slstm/src/vanilla/slstm.py").slstm_forward_pointwise
    ours = layer("slstm")
    x = 3 * torch.randn(4, N_STEPS, 3)
    hidden, entry = ours(x)
    states = torch.zeros(4, 4, N_UNITS)
    for t in range(N_STEPS):
        states, _ = step(ours.input(x[:, t]), ours.recurrent(states[0]), ours.bias, states, {})
        torch.testing.assert_close(hidden[:, t], states[0], atol=1e-5, rtol=0)
    for mine, their in zip(ours.split(entry[1]), states[1:], strict=True):
        torch.testing.assert_close(mine, their, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_mlstm_equals_xlstm() -> None:
    backends = xlstm("blocks/mlstm/backends.py")
    ours = layer("mlstm")
    x = torch.randn(4, N_STEPS, 3)
    hidden, _ = ours(x)
    u = ours.encoder(x)
    size = N_UNITS // ours.n_heads
    query, key, value = (
        part(u).unflatten(-1, (ours.n_heads, size)).transpose(1, 2)
        for part in (ours.query, ours.key, ours.value)
    )
    put, forget = (
        part.transpose(1, 2)[..., None]
        for part in (ours.gates(u) + ours.gate_bias).chunk(2, dim=-1)
    )
    gate = torch.sigmoid(ours.output(u)).unflatten(-1, (ours.n_heads, size))
    # Theirs adds a small number to the denominator, which ours does not.
    whole = backends.parallel_stabilized_simple(query, key, value, put, forget, eps=0.0)
    wanted = gate * whole.transpose(1, 2)
    torch.testing.assert_close(hidden, wanted.flatten(2), atol=1e-5, rtol=0)
    state = tuple(torch.zeros(4, ours.n_heads, *s) for s in ((size, size), (size, 1), (1, 1)))
    for t in range(N_STEPS):
        parts = (part[:, :, t : t + 1].clone() for part in (query, key, value, put, forget))
        read, state = backends.recurrent_step_stabilized_simple(*state, *parts, eps=0.0)
        emitted = gate[:, t] * read[:, :, 0]
        torch.testing.assert_close(hidden[:, t], emitted.flatten(1), atol=1e-5, rtol=0)
