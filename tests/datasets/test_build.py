"""Stores of sequences hold what their settings describe."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import xarray as xr

from hmmlens.datasets.build import build
from hmmlens.datasets.published_packages import GAIT
from hmmlens.datasets.recorded import gait_recordings as recordings
from hmmlens.datasets.recorded.gait import GaitData
from hmmlens.datasets.recorded.gait_phase import GaitPhaseData
from hmmlens.datasets.synthetic.base import SyntheticDataset
from hmmlens.datasets.synthetic.continua import TASKS
from hmmlens.datasets.synthetic.continuum import ContinuumData
from hmmlens.datasets.synthetic.counter import CounterData
from hmmlens.datasets.synthetic.flipflop import FlipFlopData
from hmmlens.datasets.synthetic.generators import FULLY, preset_hmm
from hmmlens.datasets.synthetic.hmm import HMMData, Preset
from hmmlens.datasets.synthetic.machines import MACHINES
from hmmlens.datasets.synthetic.toggle import ToggleData
from hmmlens.datasets.synthetic.tomita import TomitaData
from hmmlens.errors import DataError
from tests.datasets.packages import ROWS, hip, write_gait_wheel


def test_symbols_come_with_their_next_symbol_and_their_model() -> None:
    data = build(HMMData(kind="hmm", preset="cyclic4", n_sequences=20, n_steps=30), seed=4)
    assert dict(data.sizes) == {
        "sequence": 20, "time": 30, "state_from": 4, "state_to": 4, "symbol": 3
    }  # fmt: skip
    symbols, target = data["input"].to_numpy(), data["target"].to_numpy()
    np.testing.assert_array_equal(target[:, :-1], symbols[:, 1:])
    assert np.all(target[:, -1] == -1)
    assert data["length"].to_numpy().tolist() == [30] * 20
    assert data["group"].to_numpy().tolist() == list(range(20))
    assert np.bincount(data["split"]).tolist() == [12, 4, 4]
    for name, wanted in preset_hmm("cyclic4")._asdict().items():
        np.testing.assert_array_equal(data[name], wanted)
    assert data.attrs["n_symbols"] == 3
    assert data.attrs["input_kind"] == data.attrs["target_kind"] == "symbols"
    assert len(data.attrs["state_names"]) == 4
    # The truth fits the symbols: state 0 never says symbol 2.
    assert not np.any((data["state"] == 0) & (data["input"] == 2))


def test_machine_comes_as_a_model_whose_states_emit() -> None:
    data = build(HMMData(kind="hmm", preset="rrxor", n_sequences=20, n_steps=30), seed=4)
    assert data.sizes["state_from"] == 8
    assert data.attrs["state_names"] == ["start", "saw 0", "saw 1", "says 0", "says 1"]
    states, symbols = data["state"].to_numpy(), data["input"].to_numpy()
    assert set(np.unique(states)) == set(range(5))
    # The third symbol after a start is the exclusive or of the two before it.
    row, t = np.nonzero(states[:, :-3] == 0)
    np.testing.assert_array_equal(symbols[row, t + 1] ^ symbols[row, t + 2], symbols[row, t + 3])
    np.testing.assert_array_equal(np.unique(data["truth_of"]), range(5))


def test_toggle_and_counter_hold_the_count_of_pulses() -> None:
    toggle = build(ToggleData(kind="toggle", n_sequences=20, n_steps=60), seed=1)
    count = toggle["input"].to_numpy()[..., 0].cumsum(axis=1)
    np.testing.assert_array_equal(toggle["state"], count % 2)
    np.testing.assert_array_equal(toggle["target"][..., 0], 2 * (count % 2) - 1)
    assert toggle.attrs["state_names"] == ["-", "+"]
    counter = build(CounterData(kind="counter", modulus=5, n_sequences=20, n_steps=60), seed=1)
    count = counter["input"].to_numpy()[..., 0].cumsum(axis=1)
    np.testing.assert_array_equal(counter["state"], count % 5)
    np.testing.assert_array_equal(counter["target"].argmax("output"), count % 5)
    np.testing.assert_array_equal(counter["target"].sum("output"), 1)
    assert len(counter.attrs["state_names"]) == len(counter.attrs["target_names"]) == 5


def test_words_come_with_their_running_answer_and_automaton() -> None:
    data = build(TomitaData(kind="tomita", grammar=4, n_sequences=30, n_steps=40), seed=1)
    for word, answers in zip(data["input"].to_numpy(), data["target"].to_numpy(), strict=True):
        text = "".join(map(str, word))
        assert answers.tolist() == [int("000" not in text[: t + 1]) for t in range(40)]
    # Three 0s are the sink, whose name says that it refuses.
    names = np.array(data.attrs["state_names"])[data["state"]]
    np.testing.assert_array_equal(np.char.endswith(names, "+"), data["target"] == 1)
    assert data.attrs["target_delay"] == 0


@pytest.mark.parametrize("law", get_args(ContinuumData.model_fields["law"].annotation))
def test_continuum_has_no_truth(law: str) -> None:
    data = build(ContinuumData(kind="continuum", law=law, n_sequences=10, n_steps=20), seed=1)
    assert np.all(data["state"] == -1)
    assert data.attrs["state_names"] == []
    assert data.sizes["feature"] == len(data.attrs["feature_names"])
    assert data.sizes["output"] == len(data.attrs["target_names"])
    assert np.isfinite(data["target"]).all()


def test_every_distribution_has_a_setting() -> None:
    assert set(get_args(ContinuumData.model_fields["law"].annotation)) == set(TASKS)
    presets = get_args(Preset)
    assert set(MACHINES) | set(FULLY) < set(presets)


def test_own_matrices_are_sampled() -> None:
    settings = HMMData(
        kind="hmm",
        startprob=[1.0, 0.0],
        transmat=[[0.0, 1.0], [1.0, 0.0]],
        emissionprob=[[1.0, 0.0], [0.0, 1.0]],
        n_sequences=5,
        n_steps=4,
    )
    data = build(settings, seed=0)
    assert data["input"].to_numpy().tolist() == [[0, 1, 0, 1]] * 5
    assert data["state"].to_numpy().tolist() == [[0, 1, 0, 1]] * 5


def test_flipflop_state_names_read_the_target() -> None:
    settings = FlipFlopData(kind="flipflop", n_bits=3, n_sequences=10, n_steps=60)
    data = build(settings, seed=2)
    assert data["input"].shape == data["target"].shape == (10, 60, 3)
    assert np.isfinite(data["target"]).all()
    names = data.attrs["state_names"]
    assert len(set(names)) == 8
    for code, target in zip(
        data["state"].to_numpy().ravel(), data["target"].to_numpy().reshape(-1, 3), strict=True
    ):
        assert names[code] == "".join("+" if value > 0 else "-" for value in target)
    assert data.attrs["floor_mse"] == 0


@pytest.mark.parametrize(
    "settings",
    [
        HMMData(kind="hmm", preset="fully3", n_sequences=20, n_steps=30),
        FlipFlopData(kind="flipflop", n_sequences=20, n_steps=30),
        ToggleData(kind="toggle", n_sequences=20, n_steps=30),
        TomitaData(kind="tomita", grammar=5, n_sequences=20, n_steps=30),
        ContinuumData(kind="continuum", law="leaky", n_sequences=20, n_steps=30),
    ],
    ids=lambda s: s.kind,
)
def test_seed_decides(settings: HMMData | FlipFlopData | SyntheticDataset) -> None:
    one, two, other = (build(settings, seed) for seed in (1, 1, 2))
    xr.testing.assert_identical(one, two)
    assert not np.array_equal(one["input"], other["input"])
    assert not np.array_equal(one["split"], other["split"])


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_gait_wheel(tmp_path_factory.mktemp("wheel") / "gait.whl")


def gait(**change: Any) -> GaitData:
    return GaitData(**({"kind": "gait", "rate_hz": 25.0, "n_steps": 40, "horizon": 5} | change))


def test_gait_windows_are_split_by_recording(wheel: Path) -> None:
    data = build(gait(), seed=0, source=wheel)
    group, split = data["group"].to_numpy(), data["split"].to_numpy()
    names = data.attrs["group_names"]
    assert names == list(ROWS)
    parts = {names[g]: set(split[group == g].tolist()) for g in range(8)}
    assert parts == {name: {0} for name in ROWS} | {
        "H_4km": {1},
        "H_LG_stopgo": {2},
        "J_LG_stopgo": {2},
    }
    # At 25 Hz every fourth row; a window of 40 and 5 steps to look ahead must fit.
    steps = [int(np.ceil((rows - 1) / 4)) for rows in ROWS.values()]
    assert np.bincount(group).tolist() == [(n - 5) // 40 for n in steps]


def test_gait_is_standardised_by_the_train_split(wheel: Path) -> None:
    data = build(gait(), seed=0, source=wheel)
    train = data["input"].to_numpy()[data["split"] == 0].reshape(-1, 2).astype(float)
    np.testing.assert_allclose(train.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(train.std(axis=0), 1, atol=1e-5)
    # The test recordings have another mean, and keep it.
    test = data["input"].to_numpy()[data["split"] == 2].reshape(-1, 2)
    assert abs(test[:, 0].mean()) > 0.05


def test_gait_gives_radians_back_and_targets_lie_ahead(wheel: Path) -> None:
    data = build(gait(), seed=0, source=wheel)
    offset, scale = np.array(data.attrs["offset"]), np.array(data.attrs["scale"])
    inputs, target = (data[name].to_numpy() * scale + offset for name in ("input", "target"))
    group = data["group"].to_numpy()
    for index in range(8):
        for number, row in enumerate(np.flatnonzero(group == index)):
            seconds = (40 * number + np.arange(40)) / 25
            np.testing.assert_allclose(inputs[row, :, 0], hip(index, seconds), atol=1e-5)
            np.testing.assert_allclose(target[row, :, 0], hip(index, seconds + 0.2), atol=1e-5)
            np.testing.assert_allclose(inputs[row, :, 1], np.cos(3 * seconds), atol=1e-5)
            expected = (index == 7) & (seconds >= 4)
            np.testing.assert_array_equal(data["state"][row], expected)
    assert data.attrs["target_delay"] == 5
    assert "200 ms" in data.attrs["task"]
    assert data.attrs["sha256"] == GAIT.sha256


def test_phase_windows_are_what_the_package_s_network_reads(wheel: Path) -> None:
    settings = GaitPhaseData(kind="gait_phase", n_steps=80)
    data = build(settings, seed=0, source=wheel)
    centre, scale = recordings.phase_scale(wheel)
    assert data.attrs["rate_hz"] == 100
    assert data.attrs["target_delay"] == 20
    group, split = data["group"].to_numpy(), data["split"].to_numpy()
    parts = {list(ROWS)[g]: set(split[group == g].tolist()) for g in range(8)}
    assert parts["H_3km"] == {1}
    assert parts["H_LG_stopgo"] == parts["J_LG_stopgo"] == {2}
    for index in range(8):
        for number, row in enumerate(np.flatnonzero(group == index)):
            seconds = (80 * number + np.arange(80)) / 100
            angle = data["input"].to_numpy()[row, :, 0] * scale[0] + centre[0]
            np.testing.assert_allclose(angle, hip(index, seconds), atol=1e-5)
            # Who stands, rests at a cosine of 1; the target shows it 20 samples ahead.
            ahead = (index == 7) & (seconds + 0.2 >= 4)
            np.testing.assert_array_equal(data["target"].to_numpy()[row, :, 1], ahead)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"select_recordings": ["H_9km"]},
            r"select_recordings: there is no 'H_9km' \(did you mean .*\), wants some of: H_3km, ",
        ),
        ({"select_recordings": ["J_LG_stopgo"]}, "named twice"),
        ({"n_steps": 30, "horizon": 30}, "horizon must be below n_steps.*found 30 and 30"),
        ({"n_steps": 160}, "the select split of gait holds no window of 160 steps"),
        (
            {"select_recordings": list(ROWS)[:2], "test_recordings": list(ROWS)[2:]},
            "so that none is left for training",
        ),
    ],
)
def test_gait_settings_that_leave_nothing_are_reported(
    wheel: Path, change: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        build(gait(**change), seed=0, source=wheel)


def test_gait_needs_its_wheel() -> None:
    with pytest.raises(
        DataError, match=r"gait needs the fetched ao-compensation-model-0\.1\.6\.whl"
    ):
        build(gait(), seed=0)
