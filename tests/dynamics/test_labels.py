"""Labels, switches and dwells compared with paths written out by hand and with plain loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hmmlens.datasets.synthetic.generators import check_hmm, preset_hmm
from hmmlens.dynamics.labels import dwells, informative, latent, switches, switching_rate
from hmmlens.errors import DataError


@pytest.mark.parametrize("name", ["chain2", "chain3", "chain4", "chain5"])
def test_rare_symbol_of_a_chain_is_not_informative(name: str) -> None:
    assert informative(preset_hmm(name)) == (0, 2)


@pytest.mark.parametrize("name", ["fully3", "cyclic4"])
def test_all_symbols_are_informative_in_the_other_targets(name: str) -> None:
    assert informative(preset_hmm(name)) == (0, 1, 2)


def test_states_that_emit_the_same_are_refused() -> None:
    same = check_hmm([0.5, 0.5], [[0.9, 0.1], [0.1, 0.9]], [[0.3, 0.7], [0.3, 0.7]])
    with pytest.raises(DataError, match="no symbol identifies a state"):
        informative(same)


def test_latent_uses_informative_symbols_only() -> None:
    logits = np.array([[[1.0, 9.0, 0.0], [0.0, 9.0, 1.0], [-3.0, -9.0, -4.0]]])
    np.testing.assert_array_equal(latent(logits, (0, 2)), [[0, 1, 0]])
    assert torch.equal(latent(torch.tensor(logits), (0, 2)), torch.tensor([[0, 1, 0]]))
    # With the rare symbol among them the labels are others.
    np.testing.assert_array_equal(latent(logits, (0, 1, 2)), [[1, 1, 0]])


def test_switches_and_dwells_of_a_path() -> None:
    path = np.array([[0, 0, 1, 1, 1, 0, 2, 2], [1, 1, 1, 1, 1, 1, 1, 1]])
    found = switches(path)
    np.testing.assert_array_equal(found.sequence, [0, 0, 0])
    np.testing.assert_array_equal(found.time, [2, 5, 6])
    np.testing.assert_array_equal(found.before, [0, 1, 0])
    np.testing.assert_array_equal(found.after, [1, 0, 2])
    assert switching_rate(path) == 3 / 14
    label, length = dwells(path)
    # The first run of 0, the last of 2 and the whole second row are cut off.
    np.testing.assert_array_equal(label, [1, 0])
    np.testing.assert_array_equal(length, [3, 1])


def test_path_without_switches_has_no_dwell() -> None:
    still = np.zeros((3, 5), dtype=np.int64)
    assert len(dwells(still).length) == len(switches(still).time) == 0
    assert switching_rate(still) == 0


@given(arrays(np.int64, (3, 30), elements=st.integers(0, 2)))
def test_dwells_by_a_loop(path: np.ndarray) -> None:
    wanted = []
    for row in path.tolist():
        runs = [[row[0], 0]]
        for label in row:
            if label != runs[-1][0]:
                runs.append([label, 0])
            runs[-1][1] += 1
        wanted += runs[1:-1]
    found = dwells(path)
    assert np.stack(found, axis=1).tolist() == wanted
