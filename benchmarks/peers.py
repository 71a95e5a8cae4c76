"""EM of other packages, from the same initial parameters: dynamax, pomegranate and ssm.

Each function takes frames (sequence, time, component), initial parameters of one restart, a
covariance type and a number of steps, and returns a function that runs these steps and returns the
log-likelihood before each of them. What it does before, such as compilation, is not measured.
They raise ImportError where the package is missing.
"""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

Run = Callable[[], list[float]]


def dynamax(frames: np.ndarray, start: Any, kind: str, steps: int) -> Run:
    """Return EM of dynamax (JAX) in float64, compiled before it is measured."""
    import jax
    from dynamax.hidden_markov_model import DiagonalGaussianHMM, GaussianHMM

    jax.config.update("jax_enable_x64", True)
    k, d = start.emission[0].shape[1:]
    widths = start.emission[1][0]
    options = {"initial_probs": start.startprob[0], "transition_matrix": start.transmat[0]}
    options["emission_means"] = start.emission[0][0]
    if kind == "full":
        model, options["emission_covariances"] = GaussianHMM(k, d), widths
    else:
        model, options["emission_scale_diags"] = DiagonalGaussianHMM(k, d), np.sqrt(widths)
    params, properties = model.initialize(**options)
    data = jax.numpy.asarray(frames)

    @jax.jit
    def step(params: Any, state: Any) -> Any:
        sums, each = jax.vmap(lambda x: model.e_step(params, x))(data)
        return model.m_step(params, properties, sums, state), each.sum()

    def run(steps: int = steps) -> list[float]:
        now, history = (params, model.initialize_m_step_state(params, properties)), []
        for _ in range(steps):
            now, likelihood = step(*now)
            history.append(float(likelihood))
        jax.block_until_ready(now)
        return history

    run(1)
    return run


def pomegranate(frames: np.ndarray, start: Any, kind: str, steps: int) -> Run:
    """Return EM of pomegranate (PyTorch), which computes in float32."""
    import torch
    from pomegranate.distributions import Normal
    from pomegranate.hmm import DenseHMM

    torch.set_num_threads(1)
    data = torch.as_tensor(frames, dtype=torch.float32)

    def run() -> list[float]:
        # Copies, because the package changes in place what it is given.
        means, covars, startprob, transmat = (
            part[0].astype("f4") for part in (*start.emission, *start[:2])
        )
        normals = [Normal(m, c, covariance_type=kind) for m, c in zip(means, covars, strict=True)]
        # Ends of probability 1, because our sequences end anywhere.
        model = DenseHMM(normals, edges=transmat, starts=startprob, ends=np.ones_like(startprob))
        history = []
        for _ in range(steps):
            history.append(float(model.summarize(data).sum()))
            model.from_summaries()
        return history

    return run


def ssm(frames: np.ndarray, start: Any, kind: str, steps: int) -> Run:
    """Return EM of ssm 0.0.1; its fit computes the likelihood once more than it takes steps."""
    import autograd.scipy.special

    # ssm imports a module that newer releases of autograd call by another name.
    sys.modules.setdefault("autograd.scipy.misc", autograd.scipy.special)
    from ssm import HMM

    k, d = start.emission[0].shape[1:]
    widths = start.emission[1][0]
    data = list(frames)

    def run() -> list[float]:
        model = HMM(k, d, observations={"full": "gaussian", "diag": "diagonal_gaussian"}[kind])
        model.init_state_distn.log_pi0 = np.log(start.startprob[0])
        model.transitions.log_Ps = np.log(start.transmat[0])
        width = np.linalg.cholesky(widths) if kind == "full" else np.log(widths)
        model.observations.params = start.emission[0][0], width
        with contextlib.redirect_stderr(io.StringIO()):
            history = model.fit(data, method="em", num_em_iters=steps, initialize=False)
        # Its first is that of the initial parameters, and so is its second.
        return [float(one) for one in history[1:]]

    return run


PEERS = {"dynamax": dynamax, "pomegranate": pomegranate, "ssm": ssm}
