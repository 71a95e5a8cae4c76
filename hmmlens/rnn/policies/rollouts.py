"""Rollouts of a policy, or of the optimal one, in copies of an environment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from hmmlens.rnn.policies.gru_policy import GRUPolicy
from hmmlens.rnn.policies.t_maze import TMaze
from hmmlens.typing import Bools, Floats, Int64s


class Rollouts(NamedTuple):
    """What happened in some environments, each of which went through several episodes.

    Attributes
    ----------
    inputs : ndarray of shape (environment, time, feature)
        Observations and, as the last feature, ``episode_starts``.
    episode_starts : ndarray of bool, shape (environment, time)
        Whether a step is the first of its episode.
    actions : ndarray of int, shape (environment, time)
        What was done.
    values : ndarray of shape (environment, time)
        The critic's values; NaN where another policy acted.
    rewards : ndarray of shape (environment, time)
        What followed.
    best : ndarray of int, shape (environment, time)
        What the optimal policy would have done.
    goals : ndarray of int, shape (environment, time)
        The turn that the cue of the episode asks for.
    """

    inputs: NDArray[np.float32]
    episode_starts: Bools
    actions: Int64s
    values: Floats
    rewards: Floats
    best: Int64s
    goals: Int64s


@torch.no_grad()
def roll_out(
    policy: GRUPolicy | None,
    n_environments: int,
    n_steps: int,
    seed: int,
    make: Callable[[], TMaze] = TMaze,
) -> Rollouts:
    """Let a policy act.

    Parameters
    ----------
    policy : GRUPolicy or None
        Its actions are sampled; None for the optimal policy.
    n_environments : int
        Environments that run at once.
    n_steps : int
        Steps of each. An episode that ends is followed by the next.
    seed : int
        Of environments and actions.
    make : callable, default=TMaze
        Makes an environment.

    Returns
    -------
    Rollouts
        What happened.
    """
    rng = np.random.default_rng(seed)
    environments = [make() for _ in range(n_environments)]
    seeds = rng.integers(2**31, size=n_environments)
    observed = [e.reset(seed=int(s))[0] for e, s in zip(environments, seeds, strict=True)]
    starts = np.ones(n_environments, dtype=bool)
    state = None if policy is None else policy.start(n_environments)
    steps: list[tuple[Any, ...]] = []
    for _ in range(n_steps):
        inputs = np.column_stack([observed, starts]).astype(np.float32)
        best = np.array([e.best_action() for e in environments])
        goals = np.array([e.goal for e in environments])
        actions, values = best, np.full(n_environments, np.nan)
        if policy is not None and state is not None:
            state = policy.step(state, torch.from_numpy(inputs))
            output = policy.readout(state).double().numpy()
            cumulative = output[:, :-1].cumsum(axis=1)
            sampled = (rng.random((n_environments, 1)) > cumulative).sum(axis=1)
            # The last sum of probabilities may be a rounding below 1.
            actions, values = np.minimum(sampled, cumulative.shape[1] - 1), output[:, -1]
        rewards, ended = np.zeros(n_environments), np.zeros(n_environments, dtype=bool)
        for i, environment in enumerate(environments):
            observed[i], rewards[i], terminated, truncated, _ = environment.step(int(actions[i]))
            ended[i] = terminated or truncated
            if ended[i]:
                observed[i], _ = environment.reset()
        steps.append((inputs, starts, actions, values, rewards, best, goals))
        starts = ended
    return Rollouts(*(np.stack(part, axis=1) for part in zip(*steps, strict=True)))
