"""Scores of single outputs are sums by hand, and a rare output is not pooled away."""

from __future__ import annotations

import numpy as np
import pytest

from hmmlens.validation.baselines import codebook
from hmmlens.validation.forecast_errors import forecast_errors, output_sentence
from hmmlens.validation.input_output import InputOutput

HORIZON = 2


def planted(seed: int = 0) -> tuple[InputOutput, np.ndarray]:
    """Return a parity, an output that shows it and one that is rarely 1, whatever the parity."""
    rng = np.random.default_rng(seed)
    pulses = (rng.random((30, 50)) < 0.3).astype(np.int64)
    path = pulses.cumsum(axis=1) % 2
    rare = rng.random((30, 50)) < 0.02
    outputs = np.stack([10.0 * path, rare, np.full(path.shape, 3.0)], axis=2)
    part = np.repeat([0, 1, 2], 10)[:, None].repeat(50, axis=1)
    masks = {name: part == i for i, name in enumerate(("train", "select", "test"))}
    return InputOutput(outputs.astype(float), pulses, 2, masks), path


def test_scores_of_outputs_and_gains_are_those_of_sums_by_hand() -> None:
    data, path = planted()
    book = codebook.counted(path, data, 2)
    wrong = np.roll(book.means, 1, axis=0)
    states = codebook.one_hot(path, 2)
    found = forecast_errors(data, states, book.transmat, wrong, book, HORIZON)
    test = slice(20, 30)
    # A pulse toggles, so that the state is known ahead; tables are all but exact.
    moved = [states]
    for _ in range(HORIZON):
        ahead = np.zeros_like(states)
        for i in range(30):
            for t in range(1, 50):
                ahead[i, t] = moved[-1][i, t - 1] @ book.transmat[data.classes[i, t]]
        moved.append(ahead)
    wanted = data.distribution[test, HORIZON:].reshape(-1, 3)
    predicted = (moved[-1] @ wrong)[test, HORIZON:].reshape(-1, 3)
    square = ((wanted - predicted) ** 2).sum(axis=0)
    average = ((wanted - data.average) ** 2).sum(axis=0)
    np.testing.assert_allclose(found.by_output[:2], 1 - square[:2] / average[:2])
    assert np.isnan(found.by_output[2])
    gain = found.gain(50, np.random.default_rng(0))
    good = (moved[-1] @ book.means)[test, HORIZON:].reshape(-1, 3)
    total = 1 - ((wanted - good) ** 2).sum() / average.sum()
    assert gain.value == pytest.approx(1 - square.sum() / average.sum() - total)
    assert gain.high < 0
    # A model that is the codebook adds nothing, in every resample.
    same = forecast_errors(data, states, book.transmat, book.means, book, HORIZON)
    assert same.gain(50, np.random.default_rng(0)) == (0, 0, 0)


def test_a_rare_output_that_is_not_predicted_is_named() -> None:
    data, path = planted()
    book = codebook.counted(path, data, 2)
    states = codebook.one_hot(path, 2)
    found = forecast_errors(data, states, book.transmat, book.means, book, HORIZON)
    scores = found.by_output
    assert scores[0] > 0.98 and abs(scores[1]) < 0.1
    pooled = 1 - found.states.sum() / found.average.sum()
    assert pooled > 0.95
    assert "Output 2 is predicted with R2" in output_sentence(scores, pooled)
    assert output_sentence(scores[:1], pooled) == ""
