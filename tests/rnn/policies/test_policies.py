"""The T-maze keeps its rules, and a policy that learnt it remembers the cue in the corridor."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hmmlens import extract
from hmmlens.rnn.policies.gru_policy import GRUPolicy
from hmmlens.rnn.policies.imitation import imitate, returns
from hmmlens.rnn.policies.rollouts import roll_out
from hmmlens.rnn.policies.t_maze import (
    CORRIDOR,
    FORWARD,
    GOAL,
    JUNCTION,
    LEFT,
    MISTAKE,
    RIGHT,
    SEEN,
    TMaze,
)

PAGE = Path(__file__).parents[3] / "docs" / "policies.md"


def test_the_cue_decides_the_reward_at_the_junction() -> None:
    rewards = set()
    for seed in range(20):
        maze = TMaze()
        observed, info = maze.reset(seed=seed)
        assert SEEN[observed.argmax()] == ("cue left" if info["goal"] == LEFT else "cue right")
        # A turn before the junction changes nothing.
        again, reward, terminated, truncated, _ = maze.step(LEFT)
        assert (again == observed).all() and reward == MISTAKE and not terminated | truncated
        while observed.argmax() != JUNCTION:
            assert maze.best_action() == FORWARD
            observed, reward, terminated, _, _ = maze.step(FORWARD)
            assert reward == 0 and not terminated and observed.argmax() in (CORRIDOR, JUNCTION)
        assert maze.best_action() == info["goal"]
        _, reward, terminated, _, _ = maze.step(RIGHT)
        assert terminated and reward == (GOAL if info["goal"] == RIGHT else MISTAKE)
        rewards.add(reward)
    assert rewards == {GOAL, MISTAKE}


def test_episodes_are_cut_off_and_repeat_with_their_seed() -> None:
    maze = TMaze(max_steps=3)
    maze.reset(seed=1)
    assert [maze.step(LEFT)[3] for _ in range(3)] == [False, False, True]
    one, other = (roll_out(None, 5, 30, seed=2) for _ in range(2))
    for first, second in zip(one, other, strict=True):
        np.testing.assert_array_equal(first, second)


def test_rollouts_of_the_optimal_policy() -> None:
    done = roll_out(None, 200, 50, seed=0)
    assert (done.actions == done.best).all() and done.episode_starts[:, 0].all()
    assert ((done.rewards == GOAL) == (done.best != FORWARD)).all()
    # After every turn at the junction an episode starts, and cues are seen then only.
    np.testing.assert_array_equal(done.episode_starts[:, 1:], done.rewards[:, :-1] == GOAL)
    np.testing.assert_array_equal(done.inputs[..., :2].any(axis=2), done.inputs[..., -1] == 1)
    # In the corridor the junction is a geometric time away: the value is p d / (1 - (1 - p) d).
    value = returns(done.rewards, done.episode_starts, 0.9)
    corridor = done.inputs[..., CORRIDOR] == 1
    assert np.nanmean(value[corridor]) == pytest.approx(0.2 * 0.9 / (1 - 0.8 * 0.9), abs=0.02)
    assert np.nanmax(np.abs(value[done.inputs[..., JUNCTION] == 1] - 1)) == 0


def test_the_state_is_reset_where_an_episode_starts() -> None:
    torch.manual_seed(0)
    policy = GRUPolicy(4, 3)
    done = roll_out(policy, 3, 40, seed=1)
    found = extract(policy, done.inputs)
    assert found.attrs["replay_error"] < 1e-6
    hidden, output = found["layer0"]["hidden"].to_numpy(), found["output"].to_numpy()
    np.testing.assert_allclose(output[..., -1], done.values, atol=1e-6)
    np.testing.assert_allclose(output[..., :-1].sum(axis=2), 1, atol=1e-6)
    np.testing.assert_allclose(policy(torch.from_numpy(done.inputs)).detach(), output, atol=1e-5)
    begins = np.flatnonzero(done.episode_starts[0])
    assert len(begins) > 1
    alone = extract(policy, done.inputs[:1, begins[1] :])["layer0"]["hidden"].to_numpy()
    np.testing.assert_allclose(hidden[:1, begins[1] :], alone, atol=1e-6)


def test_a_policy_learns_to_imitate() -> None:
    torch.manual_seed(0)
    losses = imitate(GRUPolicy(4, 3), seed=0, n_updates=40)
    assert np.mean(losses[-5:]) < 0.5 * losses[0]


@pytest.mark.study
def test_the_policy_of_the_page_holds_one_bit_in_the_corridor() -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    done, explanation = names["done"], names["explanation"]
    assert (done.actions == done.best).mean() > 0.97
    verdict = explanation.verdict
    assert (verdict["grade"], verdict["n_states"]) == ("D", 4)
    states = explanation.states
    chosen = states.attrs["picks"].index("explained")
    path = states["path"].to_numpy()[chosen]
    goals = done.goals[states["sequence_index"].to_numpy()]
    before = done.inputs[states["sequence_index"].to_numpy()][..., JUNCTION] == 0
    pairs = {(int(s), int(g)) for s, g in zip(path[before], goals[before], strict=True)}
    assert len(pairs) == len({state for state, _ in pairs}) == 2
    assert {goal for _, goal in pairs} == {LEFT, RIGHT}
