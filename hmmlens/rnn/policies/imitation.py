"""A policy that learns to act as the optimal policy does (behavioural cloning)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from hmmlens.rnn.adam import Adam
from hmmlens.rnn.policies.gru_policy import GRUPolicy
from hmmlens.rnn.policies.rollouts import roll_out
from hmmlens.typing import Bools, Floats


def returns(rewards: Floats, episode_starts: Bools, discount: float) -> Floats:
    """Return the discounted sum of the rewards from each step to the end of its episode.

    Parameters
    ----------
    rewards : ndarray of shape (environment, time)
        Reward of each step.
    episode_starts : ndarray of bool, shape (environment, time)
        Whether a step is the first of its episode.
    discount : float
        Factor for each step.

    Returns
    -------
    ndarray of shape (environment, time)
        NaN for episodes that are not over at the end.

    Examples
    --------
    >>> starts = np.array([[True, False, True, False]])
    >>> returns(np.array([[0.0, 1.0, 0.0, 0.0]]), starts, 0.5)
    array([[0.5, 1. , nan, nan]])
    """
    found = np.full(rewards.shape, np.nan)
    later = np.full(len(rewards), np.nan)
    for t in reversed(range(rewards.shape[1])):
        found[:, t] = later = rewards[:, t] + discount * later
        later = np.where(episode_starts[:, t], 0.0, later)
    return found


def imitate(
    policy: GRUPolicy, seed: int, n_updates: int = 200, discount: float = 0.95
) -> list[float]:
    """Train a policy in place to act as the optimal policy does, and to know its values.

    Its actions learn by cross-entropy (behavioural cloning) and its values by squared error from
    rollouts of the optimal policy, new ones for each update: 32 environments of 40 steps.

    Parameters
    ----------
    policy : GRUPolicy
        It is changed in place.
    seed : int
        Of the rollouts.
    n_updates : int, default=200
        Steps of Adam.
    discount : float, default=0.95
        Factor of the rewards of each further step.

    Returns
    -------
    list of float
        The loss before each update.
    """
    optimiser, losses = Adam(policy.parameters(), 0.01), []
    for update in range(n_updates):
        done = roll_out(None, 32, 40, seed + update)
        value = torch.from_numpy(returns(done.rewards, done.episode_starts, discount)).float()
        output: Tensor = policy(torch.from_numpy(done.inputs))
        chosen = output[..., :-1].gather(2, torch.from_numpy(done.best)[..., None])
        known = torch.isfinite(value)
        loss = -chosen.log().mean() + ((output[..., -1] - value)[known] ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
        optimiser.step()
        losses.append(float(loss.detach()))
    return losses
