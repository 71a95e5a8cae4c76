"""States without their network: the verdict is that of the network that was planted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from hmmlens import explain, explain_states, extract
from hmmlens.cli import command as cli
from hmmlens.errors import DataError
from tests.explanation.planted import QUICK, latch, pulses

INPUTS, TRUTH = pulses()


def recorded() -> tuple[np.ndarray, np.ndarray]:
    """Return states and outputs of two planted bits."""
    acts = extract(latch(2.0), INPUTS)
    return next(iter(acts.children.values()))["hidden"].values, acts["output"].values


def step(h: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the equations of ``latch(2.0)``: a pulse sets a unit, and it keeps itself."""
    return np.tanh(2 * h + 6 * x)


class Step:
    """The same with a state of two parts and an output that is no linear function of it."""

    def start(self, n: int) -> dict[str, np.ndarray]:
        return {"one": np.zeros((n, 1)), "other": np.zeros((n, 1))}

    def step(self, state: dict[str, np.ndarray], x: np.ndarray) -> dict[str, np.ndarray]:
        after = step(np.concatenate([state["one"], state["other"]], axis=1), x)
        return {"one": after[:, :1], "other": after[:, 1:]}

    def readout(self, state: dict[str, np.ndarray]) -> np.ndarray:
        return np.concatenate([state["one"], state["other"]], axis=1) ** 3


HIDDEN, OUTPUTS = recorded()


@pytest.mark.study
def test_with_its_step_the_verdict_is_that_of_the_network() -> None:
    whole = explain(latch(2.0), INPUTS, untrained=None, **QUICK)
    found = explain_states(HIDDEN, OUTPUTS, INPUTS, step=step, **QUICK)
    assert (found.verdict["grade"], found.verdict["n_states"]) == ("D", 4)
    assert found.activations.attrs["replay_error"] < 1e-5
    # The same states, continued by the same inputs, have the same distances; and the autonomous
    # dynamics end in the same places.
    for number in ("n_endpoints", "ratio", "drift"):
        assert np.isfinite(found.verdict[number])
        assert found.verdict[number] == pytest.approx(whole.verdict[number], abs=1e-4)
    assert found.futures is not None and whole.futures is not None
    assert found.futures.distances is not None and whole.futures.distances is not None
    np.testing.assert_allclose(found.futures.distances, whole.futures.distances, atol=1e-4)


@pytest.mark.study
def test_an_object_with_a_nested_state_and_its_own_readout() -> None:
    hidden = {"one": HIDDEN[..., :1], "other": HIDDEN[..., 1:]}
    found = explain_states(
        hidden, HIDDEN**3, INPUTS, step=Step(), layer="one+other", **QUICK, truth=TRUTH
    )
    assert (found.verdict["grade"], found.verdict["n_states"]) == ("D", 4)
    assert found.layer == "one+other"


@pytest.mark.study
def test_without_a_step_the_recording_alone_is_judged() -> None:
    found = explain_states(HIDDEN, OUTPUTS, INPUTS, n_states=range(1, 6), n_restarts=2)
    assert found.futures is None
    assert found.verdict["grade"] in ("consistent with D", "U")
    assert found.activations.attrs["replay"].startswith("unknown: ")
    without = explain_states(HIDDEN, OUTPUTS, **QUICK)
    assert "Inputs were not given" in str(without.summary())
    assert not without.raw


@pytest.mark.study
def test_sequences_of_different_lengths_and_one_long_recording() -> None:
    lengths = np.tile([60, 41, 52], 10)
    ragged = [states[:n] for states, n in zip(HIDDEN, lengths, strict=True)]
    outputs = [values[:n] for values, n in zip(OUTPUTS, lengths, strict=True)]
    found = explain_states(ragged, outputs, INPUTS, lengths, step, **QUICK)
    assert (found.verdict["grade"], found.verdict["n_states"]) == ("D", 4)
    # Blocks begin in the middle of the recording, so a run from the initial state would not do.
    x = np.concatenate(list(INPUTS))[None]
    states = [np.zeros((1, 2))]
    for t in range(x.shape[1]):
        states.append(step(states[-1], x[:, t]))
    hidden = np.stack(states[1:], axis=1)
    found = explain_states(hidden, hidden, x, step=step, **QUICK)
    assert (found.verdict["grade"], found.verdict["n_states"]) == ("D", 4)


def changed(sequence: int, time: int, value: float) -> np.ndarray:
    """Return the states with one changed value."""
    states = HIDDEN.copy()
    states[sequence, time, 1] = value
    return states


WITH = (HIDDEN, OUTPUTS, INPUTS, None)
AFTER = "gives something else than the recorded state after it: at sequence 0, step 1"
NOT_FINITE = "hidden holds a value that is not finite at sequence 3, step 7, unit 1"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((changed(3, 7, np.nan), OUTPUTS), NOT_FINITE),
        ((HIDDEN, OUTPUTS[:, :50]), r"outputs has the shape \(30, 50, 2\)"),
        ((HIDDEN[..., 0], OUTPUTS), "hidden has the shape"),
        ((HIDDEN, OUTPUTS, INPUTS[:29]), "inputs hold 29 sequences, and hidden 30"),
        ((HIDDEN, OUTPUTS, INPUTS[:, :50]), "inputs have 50 steps, and hidden 60"),
        ((HIDDEN, OUTPUTS, None, None, step), "step takes an input at each step; give inputs"),
        ((*WITH, 3), "step is a value of type int; a function"),
        ((*WITH, lambda h, x: 0.9 * step(h, x)), AFTER),
        ((changed(3, 7, 0.5), changed(3, 7, 0.5), INPUTS, None, step), "at sequence 3, step 7"),
        (
            (*WITH, lambda h, x: h @ x),
            r"step fails on recorded states: ValueError \(test_st",
        ),
        ((*WITH, lambda h, x: h[:, :1]), "returns .1,. for each state, and recorded are .2,."),
        ((HIDDEN, HIDDEN**3, INPUTS, None, step), "outputs are no linear function of hidden"),
        ((HIDDEN[..., :1], HIDDEN**3, INPUTS, None, Step()), "start gives a state of 2 entries"),
        (({}, OUTPUTS), "hidden is an empty mapping"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(
    arguments: tuple[Any, ...], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        explain_states(*arguments, **QUICK)


# --- The command ----------------------------------------------------------------------------


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with the states in a file and the step in a module."""
    monkeypatch.chdir(tmp_path)
    arrays = {"hidden": HIDDEN, "output": OUTPUTS, "input": INPUTS}
    np.savez("states.npz", **arrays)
    np.savez("bad.npz", **arrays | {"hidden": changed(3, 7, np.nan)})
    np.savez("short.npz", **arrays | {"output": OUTPUTS[:29]})
    np.savez("none.npz", hidden=HIDDEN)
    dims = {"hidden": "unit", "output": "output", "input": "feature"}
    xr.Dataset(
        {name: (("sequence", "time", dims[name]), values) for name, values in arrays.items()}
    ).to_zarr("states.zarr", consolidated=False)
    Path("planted_step.py").write_text(
        "import numpy as np\n\n\ndef step(h, x):\n    return np.tanh(2 * h + 6 * x)\n"
    )
    return tmp_path


@pytest.mark.study
@pytest.mark.parametrize("file", ["states.npz", "states.zarr"])
def test_a_file_of_states_is_explained(
    file: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["explain", "--states", file, "--step", "planted_step:step", "--out", "found"]
    assert cli.main([*words, "--effort", "quick", "--n-states", "1-4", "--n-restarts", "1"]) == 0
    out = capsys.readouterr().out
    assert "Verdict: Discrete states, 4 of them" in out
    assert "the network reproduces its recorded states up to" in out
    assert (place / "found" / "explanation.html").is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--states", "bad.npz"], "bad.npz: hidden at sequence 3, time 7, unit 1: found nan"),
        (["--states", "short.npz"], "short.npz: array 'output' has shape (29, 60, 2), and hidden"),
        (["--states", "none.npz"], "none.npz: the array 'output' is missing; found: hidden"),
        (["--states", "states.csv"], "--states states.csv: must end in .npz or .zarr"),
        (["--states", "states.npz", "--step", "planted_step:no"], "has no no"),
    ],
)
def test_a_file_that_does_not_fit_is_one_line(
    words: list[str], message: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["explain", *words, "--out", "found"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and message in lines[0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--states", "s.npz", "--data", "d.csv"], "--data does not go with --states"),
        (["own:build", "--states", "s.npz"], "factory does not go with --states"),
        (["--states", "s.npz", "--truth", "phase"], "--truth does not go with --states"),
        (["own:build", "--weights", "w", "--data", "d", "--step", "a:b"], "--step is for --states"),
        (["--states", "s.npz", "--readout", "a:b"], "--readout is for --step"),
        (["--weights", "w"], "the following arguments are required: factory, --data"),
    ],
)
def test_options_that_exclude_each_other(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["explain", *words, "--out", "found"])
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err
