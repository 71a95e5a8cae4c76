"""One call explains an automaton that is a network, from its recording to its verdict.

The automaton is exact: a state for each of the two parities of the ones that it has read, and an
output that shows the state. All numbers below follow from its table and its inputs.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from hmmlens import Explanation, explain
from hmmlens.futures.summary import from_dataset
from hmmlens.io import store
from hmmlens.recording.store.trees import read_tree
from hmmlens.report.explain import page
from hmmlens.report.explain.figures import layer as drawing
from tests.futures.machines import PARITY, classes_of, run

N_SEQUENCES, N_STEPS = 30, 40


@pytest.fixture(scope="module")
def inputs() -> NDArray[np.int64]:
    rng = np.random.default_rng(0)
    return (rng.random((N_SEQUENCES, N_STEPS)) < 0.3).astype(np.int64)


@pytest.fixture(scope="module")
def truth(inputs: NDArray[np.int64]) -> NDArray[np.int64]:
    # Without the automaton's own code.
    return np.cumsum(inputs, axis=1) % 2


@pytest.fixture(scope="module")
def found(inputs: NDArray[np.int64], truth: NDArray[np.int64]) -> Explanation:
    return explain(
        PARITY, inputs, truth=truth, targets=2.0 * truth[..., None] - 1, n_states=[1, 2, 3],
        n_restarts=1, n_components=2, names={"truth": ["even", "odd"], "output": ["sign"]},
    )  # fmt: skip


def path_of(found: Explanation, pick: str = "explained") -> NDArray[np.int64]:
    return found.states["path"][found.states.attrs["picks"].index(pick)].to_numpy()


def test_the_verdict_states_the_two_states_of_an_automaton(found: Explanation) -> None:
    verdict = found.verdict
    assert (verdict["grade"], verdict["n_states"]) == ("D", 2)
    assert verdict["loss"] == 0 and verdict["sentence"] == "Discrete states, 2 of them."
    assert all(reason.holds for reason in found.reasons)
    # Of two symbols neither is neutral.
    assert np.isnan(verdict["n_endpoints"])
    assert found.model().n_components == found.model("bic").n_components == 2


def test_states_are_those_of_the_automaton(
    found: Explanation, inputs: NDArray[np.int64], truth: NDArray[np.int64]
) -> None:
    np.testing.assert_array_equal(truth, classes_of(PARITY, inputs))
    path = path_of(found)
    # Each state stands for one parity: states are named by their frequency.
    odd_is = int(truth.mean() < 0.5)
    np.testing.assert_array_equal(path, np.where(truth == 1, odd_is, 1 - odd_is))
    by_count = found.scores.set_index(["role", "n_states"])
    assert by_count.loc[("trained", 2), "ari"] == 1
    assert by_count.loc[("trained", 2), "fidelity_test"] == pytest.approx(1)
    assert by_count.loc[("trained", 1), "fidelity_test"] == pytest.approx(0, abs=0.05)
    # Neither the input nor the last five of them show the parity.
    assert {"raw-input", "raw-input-pca-2", "lagged-input-pca-2"} == set(found.raw)
    for control in ("raw input", "lagged input"):
        assert abs(by_count.loc[(control, 2), "ari"]) < 0.1


def test_tables_agree_with_the_path_and_with_each_other(
    found: Explanation, inputs: NDArray[np.int64], truth: NDArray[np.int64]
) -> None:
    path = path_of(found)
    states = found.tables["states"].query("pick == 'explained'").set_index("state")
    for k, name in enumerate("AB"):
        mine = path == k
        assert states.loc[name, "occupancy"] == pytest.approx(mine.mean(), abs=1e-3)
        assert states.loc[name, "top_output_mean"] == pytest.approx(2 * truth[mine].mean() - 1)
        assert states.loc[name, "top_truth"] == ["even", "odd"][int(truth[mine].mean())]
    moves = found.tables["transitions"].query("pick == 'explained'")
    moves = moves.pivot(index="from", columns="to", values="p")
    np.testing.assert_allclose(moves.sum(axis=1), 1, atol=1e-6)
    # The state changes with each one of the input; models are fitted to train alone.
    train = found.sequences["split"].to_numpy() == 0
    changes = inputs[train][:, 1:]
    before = path[train][:, :-1]
    for k, (one, other) in enumerate(("AB", "BA")):
        assert moves.loc[one, other] == pytest.approx(changes[before == k].mean(), abs=0.01)
    explained = found.choices.query("pick == 'explained'").iloc[0]
    at_two = found.scores.query("role == 'trained' and n_states == 2").iloc[0]
    for name in ("fidelity_test", "n_states", "covariance_type"):
        assert explained[name] == at_two[name]
    assert set(found.tables["fits"]["n_states"]) == {1, 2, 3}
    assert found.tables["agreement"].query("role == 'trained'")["ari"].tolist()[0] == 1


def test_the_recording_holds_the_states_and_the_outputs(
    found: Explanation, inputs: NDArray[np.int64], truth: NDArray[np.int64]
) -> None:
    tree = found.activations
    np.testing.assert_array_equal(tree["layer0"]["hidden"].to_numpy().argmax(axis=2), truth)
    np.testing.assert_array_equal(tree["output"], run(PARITY, inputs))
    assert tree.attrs["replay_error"] == 0
    # What is no torch module has no untrained control.
    assert set(found.layers) == {"trained"}


# --- The page and the folder ----------------------------------------------------------------


@pytest.fixture
def one_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw one figure of the layer; all of them take seconds."""
    drawn = drawing.draw_figures
    monkeypatch.setattr(drawing, "draw_figures", lambda *given: islice(drawn(*given), 1))


@pytest.mark.usefixtures("one_figure")
def test_the_page_of_a_notebook_is_that_of_the_file(found: Explanation, tmp_path: Path) -> None:
    found.to_html(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert found._repr_html_() in text
    assert text.count("<img") == 1 and text.count("<li>") == len(found.reasons) == 2
    assert "<p>Verdict: Discrete states, 2 of them.</p>" in text
    # A row for each choice, and one for each model.
    assert text.count("<tr") == 2 + len(found.choices) + len(found.scores)


def test_the_page_shows_evidence_before_states_and_likelihood_apart(found: Explanation) -> None:
    png = bytes(16) + (700).to_bytes(4, "big")
    images = dict.fromkeys(("selection", "states", "futures"), png)
    body = page.render_body(found, images)
    wanted = [
        "<p>Verdict: ", "<p>In the words of the task: The 2 states are the two signs of sign, one",
        'alt="futures"', "<h2>States of the explained model", "<p>State A: ", 'alt="states"',
        "<h2>Number of states by likelihood", "<p>This is not the verdict. BIC", 'alt="selection"',
    ]  # fmt: skip
    places = [body.index(text) for text in wanted]
    assert places == sorted(places)
    assert "BIC" not in body[: places[-3]] and "BIC, not the verdict" in body


@pytest.mark.usefixtures("one_figure")
def test_what_is_saved_is_what_was_found(found: Explanation, tmp_path: Path) -> None:
    out = tmp_path / "found"
    found.save(out)
    for name, table in found.tables.items():
        assert len(pd.read_csv(out / "tables" / f"{name}.csv")) == len(table), name
    assert (out / "summary.txt").read_text() == f"{found.summary()}\n"
    (image,) = (out / "figures" / "network").glob("layer0-*.png")
    assert image.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
    futures = from_dataset(store.read(store.inside(out / "network" / "0" / "futures"), "futures"))
    assert futures is not None and found.futures is not None
    np.testing.assert_array_equal(futures.sample_classes, found.futures.sample_classes)
    tree = read_tree(out / "network" / "0" / "activations" / "activations.zarr")
    np.testing.assert_array_equal(tree["layer0"]["hidden"], found.activations["layer0"]["hidden"])


# --- The summary ----------------------------------------------------------------------------


def test_the_summary_states_what_was_found(found: Explanation) -> None:
    lines = found.summary().splitlines()
    assert str(found) == found.summary()
    assert lines[0] == (
        "Layer layer0: 2 units, 30 sequences of up to 40 steps; the network reproduces its "
        "recorded states up to 0."
    )
    assert lines[1] == "Verdict: Discrete states, 2 of them."
    reasons = [line for line in lines if line.startswith("- ")]
    assert reasons == [f"- {reason.statement}" for reason in found.reasons] and len(reasons) == 2
    scores = "fidelity at the same step: trained 1.00 (transitions given the input), raw input 0.00"
    assert f"At the true 2 states, {scores}" in str(found)
    for name in "AB":
        (state,) = (line for line in lines if line.startswith(f"State {name}: "))
        assert "output: sign " in state and "mean dwell" in state
    # What likelihood chooses stands apart from the verdict, and is labelled.
    about_bic = [line for line in lines if "BIC" in line]
    assert about_bic == lines[-1:] and "This is not the verdict. BIC" in about_bic[0]
    assert any("has the 2 states of the verdict" in line for line in lines)


def test_the_summary_notes_how_the_data_were_cut_and_what_train_lacks(found: Explanation) -> None:
    noted = {"cut": "Cut in time.", "unseen_symbols_note": "Train lacks the symbol 7."}
    lines = replace(found, sequences=found.sequences.assign_attrs(noted)).summary().splitlines()
    assert lines[1] == "Train lacks the symbol 7." and "Cut in time." in lines[:4]
    assert len(lines) == len(found.summary().splitlines()) + 2
    thinned = found.sequences.isel(sequence=np.arange(N_SEQUENCES + 10) % N_SEQUENCES)
    first = replace(found, sequences=thinned).summary().splitlines()[0]
    assert f"{N_SEQUENCES} of {N_SEQUENCES + 10} sequences" in first
    silent = found.activations.copy()
    silent.attrs["replay_error"] = np.nan
    layer = found.layers["trained"]._replace(activations=silent)
    first = replace(found, layers={"trained": layer}).summary().splitlines()[0]
    assert first.endswith("its recorded states could not be verified by replay.")


def test_the_summary_names_how_the_layer_was_chosen(found: Explanation) -> None:
    def first(layer: str, together: list[list[str]]) -> str:
        tree = found.activations.copy()
        tree.attrs["layers"] = together
        for name in ("rnn", "rnn_reverse"):
            tree[name] = tree["layer0"].copy()
        layers = {"trained": found.layers["trained"]._replace(activations=tree)}
        return replace(found, layer=layer, layers=layers).summary().splitlines()[0]

    both = [["layer0"], ["rnn", "rnn_reverse"]]
    assert first("rnn", both).startswith("Layer rnn (the last layer of the forward pass): 2 units")
    assert first("rnn+rnn_reverse", both).startswith(
        "Layer rnn+rnn_reverse (the last layer of the forward pass, both directions together): 4 "
    )
    assert "(the last layer of the forward pass, 2 taken together): 4 units" in first(
        "layer0+rnn", both
    )


def test_the_old_name_of_the_explained_model_warns(found: Explanation) -> None:
    with pytest.warns(DeprecationWarning, match="the model 'compact' is now 'explained'"):
        assert found.model("compact").n_components == 2
