"""A T-maze, in which a cue at the start must be remembered until the junction (Bakker 2002).

The environment has the methods of gymnasium, without the package: ``reset(seed=...)`` returns
``(observation, info)`` and ``step(action)`` returns ``(observation, reward, terminated, truncated,
info)``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Actions.
FORWARD, LEFT, RIGHT = 0, 1, 2
#: What is seen, as one-hot vectors: either cue, the corridor, the junction.
SEEN = ("cue left", "cue right", "corridor", "junction")
CORRIDOR, JUNCTION = 2, 3
#: Rewards of the turn that the cue asked for, and of any other turn.
GOAL, MISTAKE = 1.0, -0.1

Observation = NDArray[np.float32]


class TMaze:
    """A corridor of random length that ends in a junction.

    Every step forward reaches the junction with the same probability, so that neither the time nor
    the number of steps has to be remembered; all that has to be is the cue, one bit.

    Parameters
    ----------
    end_probability : float, default=0.2
        Probability that a step forward leads to the junction.
    max_steps : int, default=50
        Steps after which an episode is cut off.
    """

    n_actions = 3

    def __init__(self, end_probability: float = 0.2, max_steps: int = 50) -> None:
        self.end_probability, self.max_steps = end_probability, max_steps
        self._rng = np.random.default_rng()
        self._place, self._n_steps = 0, 0
        #: The turn that the cue asks for: :data:`LEFT` or :data:`RIGHT`.
        self.goal = LEFT

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode.

        Parameters
        ----------
        seed : int, optional
            Seed of this and the following episodes; by default they go on from those before.
        options : dict, optional
            Not used.

        Returns
        -------
        observation : ndarray of shape (4,)
            One-hot in :data:`SEEN`: a cue.
        info : dict
            ``goal``, the turn that the cue asks for.
        """
        if seed is not None:
            self._rng = np.random.default_rng(seed)
        self.goal = LEFT if self._rng.random() < 0.5 else RIGHT
        self._place, self._n_steps = self.goal - LEFT, 0
        return self._observation(), {"goal": self.goal}

    def step(self, action: int) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Act once.

        Parameters
        ----------
        action : int
            0 forward, 1 left, 2 right. Before the junction turns leave everything as it is, at the
            junction forward does.

        Returns
        -------
        observation : ndarray of shape (4,)
            One-hot in :data:`SEEN`.
        reward : float
            1 for the right turn at the junction, -0.1 for other turns, else 0.
        terminated : bool
            Whether a turn at the junction has ended the episode.
        truncated : bool
            Whether it was cut off.
        info : dict
            ``goal``, the turn that the cue asks for.
        """
        self._n_steps += 1
        reward, terminated = 0.0, False
        if action == FORWARD:
            if self._place != JUNCTION:
                ends = self._rng.random() < self.end_probability
                self._place = JUNCTION if ends else CORRIDOR
        else:
            terminated = self._place == JUNCTION
            reward = GOAL if terminated and action == self.goal else MISTAKE
        truncated = not terminated and self._n_steps >= self.max_steps
        return self._observation(), reward, terminated, truncated, {"goal": self.goal}

    def best_action(self) -> int:
        """Return what the optimal policy does now.

        Returns
        -------
        int
            Forward up to the junction, and there the turn that the cue asked for.
        """
        return self.goal if self._place == JUNCTION else FORWARD

    def _observation(self) -> Observation:
        observation = np.zeros(len(SEEN), dtype=np.float32)
        observation[self._place] = 1
        return observation
