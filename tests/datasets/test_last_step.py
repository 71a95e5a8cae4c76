"""Targets of whole sequences belong to the last step of each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hmmlens.datasets.own.arrays import read_npz
from hmmlens.errors import DataError


@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("symbols", [False, True])
def test_a_command_reads_one_target_for_each_sequence(
    ragged: bool, symbols: bool, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    target = rng.integers(0, 3, 6) if symbols else rng.normal(size=(6, 2))
    length = np.array([5, 3, 4, 1, 5, 2]) if ragged else np.full(6, 5)
    given = {"length": length} if ragged else {}
    np.savez(tmp_path / "data.npz", input=rng.normal(size=(6, 5, 2)), target=target, **given)
    found = read_npz(tmp_path / "data.npz", missing=True).target
    assert found is not None
    known = found >= 0 if symbols else np.isfinite(found).all(axis=2)
    for row, n in enumerate(length):
        assert np.flatnonzero(known[row]).tolist() == [n - 1]
        np.testing.assert_allclose(found[row, n - 1], target[row])


def test_a_study_needs_a_target_for_each_step(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", input=np.ones((6, 5, 2)), target=np.arange(6))
    with pytest.raises(DataError, match="'target' has shape"):
        read_npz(tmp_path / "data.npz")
