"""One call explains a network whose states were built by hand, and writes what a study writes."""

from __future__ import annotations

import itertools
import json
import threading
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

import hmmlens.explanation.recorded
from hmmlens import explain
from hmmlens.errors import DataError
from hmmlens.hmm import storage
from hmmlens.interpretation.input_events import of_store
from hmmlens.interpretation.state_probabilities import filter_states
from hmmlens.io import store
from hmmlens.recording import activations
from hmmlens.recording.store.trees import read_tree
from hmmlens.report.explain import page
from hmmlens.report.explain.result import Explanation
from hmmlens.rnn.recurrent_network import RecurrentNetwork
from hmmlens.validation.certified import certified_by
from hmmlens.validation.certified_model import transitions_given_input
from tests.explanation.planted import QUICK, Last, Transformed, latch, pulses, spoilt, whole

Data = tuple[NDArray[Any], NDArray[Any]]

# Each explains a network from end to end.
pytestmark = pytest.mark.study


@pytest.fixture(scope="module")
def data() -> Data:
    return pulses()


def explained(data: Data, **more: Any) -> Explanation:
    return explain(
        latch(3.0), data[0], truth=data[1], untrained=latch(0.5), n_components=2,
        n_states=range(1, 7), n_restarts=3, names={"input": ["left", "right"]}, **more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def found(data: Data) -> Explanation:
    return explained(data)


@pytest.fixture(scope="module")
def written(data: Data, tmp_path_factory: pytest.TempPathFactory) -> tuple[Explanation, Path]:
    out = tmp_path_factory.mktemp("explained") / "latch"
    return explained(data, out=out), out


def at_four(scores: pd.DataFrame) -> pd.DataFrame:
    return scores[scores["n_states"] == 4].set_index("role")


def test_states_of_a_latch_are_its_bits(found: Explanation) -> None:
    four = at_four(found.scores)
    # A step is needed from a pulse to the state, and the untrained one forgets at once.
    assert four.loc["trained", "ari"] > 0.95
    assert four.loc["trained", "fidelity_test"] > 0.95
    assert four.loc["untrained", "ari"] < 0.5
    assert four.loc["raw input", "ari"] < 0.5
    assert four.loc["lagged input", "ari"] < four.loc["trained", "ari"] - 0.2
    compact = found.model("explained")
    assert compact.n_components == 4
    means = found.states.isel(pick=found.states.attrs["picks"].index("explained"))["output_mean"]
    signs = {tuple(row) for row in np.sign(means.to_numpy()[:4])}
    assert len(signs) == 4


def test_a_latch_holds_discrete_states_with_and_without_steps(
    found: Explanation, data: Data
) -> None:
    verdict = found.verdict
    assert (verdict["grade"], verdict["n_states"], verdict["n_endpoints"]) == ("D", 4, 4)
    # The task of the network is not known.
    assert verdict["reasons"].startswith("Whether it is competent is not known")
    assert f"Verdict: {verdict['sentence']}" in found.summary().splitlines()
    steps, other = latch(3.0), torch.nn.RNN(2, 2, batch_first=True)
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    other.load_state_dict({name: getattr(steps.layers[0], name) for name in names})
    blind = explain(other, data[0], truth=data[1], untrained=None, **QUICK)
    assert (blind.verdict["grade"], blind.verdict["n_states"]) == ("D", 4)
    assert np.isnan(blind.verdict["n_endpoints"])
    assert int(blind.choices.set_index("pick").loc["explained", "n_states"]) == 4
    forgets = explain(latch(0.5), data[0], untrained=None, **QUICK)
    assert not forgets.verdict["supported"]


@pytest.mark.parametrize("right", [True, False])
def test_targets_decide_whether_a_network_is_competent(data: Data, right: bool) -> None:
    inputs, network = data[0], latch(3.0)
    with torch.no_grad():
        targets = network(torch.from_numpy(inputs)).numpy()
    targets = targets if right else np.random.default_rng(0).normal(size=targets.shape)
    given = explain(network, inputs, targets=targets, untrained=None, **QUICK).verdict
    assert given["grade"] == ("D" if right else "X")
    assert (given["loss"] == pytest.approx(0, abs=1e-9)) == right
    with pytest.raises(DataError, match=r"^targets have the shape \(30, 5, 2\); "):
        explain(network, inputs, targets=targets[:, :5], untrained=None, **QUICK)


def test_a_floor_asks_more_of_a_competent_network(data: Data) -> None:
    inputs, network = data[0], latch(3.0)
    with torch.no_grad():
        output = network(torch.from_numpy(inputs)).numpy()
    # Half of the variance of these targets is noise that no input explains.
    targets = output + np.random.default_rng(0).normal(size=output.shape) * output.std()
    grades = [
        explain(network, inputs, targets=targets, floor=floor, untrained=None, **QUICK).verdict[
            "grade"
        ]
        for floor in (None, 0, float(output.var()))
    ]
    assert grades == ["D", "X", "D"]


def test_the_seed_of_an_explanation_does_not_change_the_futures(data: Data) -> None:
    rows = [
        explain(latch(3.0), data[0], split=np.repeat([0, 1, 2], 10), untrained=None,
                **QUICK | {"random_state": seed}).verdict
        for seed in (0, 1)
    ]  # fmt: skip
    names = ["grade", "n_classes", "within", "between", "points", "moves", "machine_20"]
    assert rows[0][names].tolist() == rows[1][names].tolist()


def test_pictures_of_states_note_where_no_states_are_supported(data: Data) -> None:
    heads = {}
    for gain in (3.0, 0.5):
        made = page.draw_figures(explain(latch(gain), data[0], untrained=None, **QUICK))
        heads[gain] = {figure.get_suptitle() for name, figure, _ in made if "states" in name}
        plt.close("all")
    assert all(head.startswith("Verdict: discrete states") for head in heads[3.0])
    assert all(head.startswith("No discrete states supported") for head in heads[0.5])


def test_summary_and_page_show_the_same_states(found: Explanation, tmp_path: Path) -> None:
    text = found.summary()
    assert "has the 4 states of the verdict" in text
    assert "At 4 states" not in text and "At the true 4 states, fidelity at the same step:" in text
    reasons = [line for line in text.splitlines() if line.startswith("- ")]
    answers = [line.partition("? ")[2].partition(":")[0] for line in reasons]
    assert answers == ["Not known", "Yes"]
    assert "visited states fall into 4 classes" in reasons[1]
    assert (
        "At the true 4 states, agreement with the truth (adjusted Rand index, ARI): trained" in text
    )
    state = next(line for line in text.splitlines() if line.startswith("State D"))
    # Pulses of both signs reach each state, which its output identifies; its dwell has an interval.
    assert " SD" in state and "output" in state and "mean dwell" in state and " to " in state
    found.to_html(tmp_path / "page.html")
    # A notebook shows the same, and print() the summary.
    assert found._repr_html_() in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert str(found) == found.summary()
    page = (tmp_path / "page.html").read_text()
    assert page.count("<img") >= 5
    assert "has the 4 states of the verdict" in page
    assert page.count("? Yes: ") == 1 and page.count("? Not known: ") == 1
    assert not list(tmp_path.glob("*.partial"))


# --- The folder -----------------------------------------------------------------------------


def zarr(folder: Path) -> Path:
    return folder / f"{folder.name}.zarr"


@pytest.mark.study
def test_stores_are_those_of_a_study(written: tuple[Explanation, Path], data: Data) -> None:
    result, out = written
    assert not out.with_name("latch.partial").exists()
    sequences = store.read(zarr(out / "data" / "sequences"), "sequences")
    np.testing.assert_array_equal(sequences["input"], data[0])
    np.testing.assert_array_equal(sequences["state"], data[1])
    assert json.loads((out / "explanation.json").read_text())["whole"]
    for network in ("network", "network-untrained"):
        run = out / network / "0"
        recorded = zarr(run / "activations")
        root, layer = activations.read(recorded), activations.read(recorded, "layer0")
        assert root.attrs["replay_error"] < 1e-5
        part = store.read(zarr(run / "layer0" / "pca-2" / "reduced"), "reduced")
        # PCA keeps all of two units: distances are those of the recorded states.
        between = [x.to_numpy()[0] for x in (layer["hidden"], part["reduced"])]
        steps = [np.linalg.norm(np.diff(x, axis=0), axis=1) for x in between]
        np.testing.assert_allclose(*steps, atol=1e-5)
        sweep = store.read(zarr(run / "layer0" / "pca-2" / "sweep"), "sweep").load()
        reading = store.read(zarr(run / "layer0" / "explanation"), "explanation")
        choices = pd.read_csv(run / "layer0" / "validation" / "choices.csv")
        chosen = choices[choices["chosen_reducer"]].set_index("pick")
        n_states = int(chosen.loc["explained", "n_states"])
        restart = chosen.loc["explained", "restart"]
        model = storage.model(sweep, "tied", n_states, None if np.isnan(restart) else int(restart))
        path = reading["path"][reading.attrs["picks"].index("explained")].to_numpy()
        certified = certified_by(result.futures) if network == "network" else None
        events, table = None, None
        if certified is not None:
            read = sequences["input"].to_numpy()[root["sequence"].to_numpy()]
            events = of_store(sequences.attrs, read, root["length"].to_numpy())
            table = transitions_given_input(certified, events, root["split"].to_numpy() == 0)
        filtered = filter_states(
            model, part["reduced"].to_numpy(), root["length"].to_numpy(), events, table
        )
        occupancy = np.bincount(path.ravel(), minlength=n_states)
        visited = np.bincount(filtered.argmax(axis=2).ravel(), minlength=n_states)
        np.testing.assert_array_equal(np.sort(occupancy), np.sort(visited))
    raw = out / "raw-sequences" / "0" / "input" / "raw-input"
    train = sequences["split"].to_numpy() == 0
    given = StandardScaler().fit(data[0][train].reshape(-1, 2).astype(float))
    np.testing.assert_allclose(
        store.read(zarr(raw / "reduced"), "reduced")["reduced"].to_numpy().reshape(-1, 2),
        given.transform(data[0].reshape(-1, 2).astype(float)),
        atol=1e-9,
    )
    assert len(storage.results(store.read(zarr(raw / "sweep"), "sweep").load())) == 16
    for name in ("raw-input-pca-2", "lagged-input-pca-2"):
        part = store.read(zarr(raw.with_name(name) / "reduced"), "reduced")
        assert part.sizes["component"] == 2
    # What is in memory still opens after the folder got its name.
    assert float(result.activations["layer0"]["hidden"].max()) <= 1


@pytest.mark.study
def test_tables_figures_and_page_are_there(written: tuple[Explanation, Path]) -> None:
    result, out = written
    scores = pd.read_csv(out / "tables" / "by_count.csv")
    assert at_four(scores)["ari"].round(4).equals(at_four(result.scores)["ari"].round(4))
    tables = {path.stem for path in (out / "tables").glob("*.csv")}
    assert {"fits", "choices", "states", "transitions", "agreement", "audit"} <= tables
    images = sorted((out / "figures" / "network").glob("layer0-*.png"))
    assert len(images) >= 5
    assert (out / "explanation.html").read_text().count("<img") == len(images)
    for image in images:
        assert image.read_bytes().startswith(b"\x89PNG")
        assert image.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
        assert len(pd.read_csv(image.with_suffix(".csv")))
    assert (out / "summary.txt").read_text() == f"{result.summary()}\n"


@pytest.mark.study
def test_what_is_kept_in_memory_is_saved_alike(
    found: Explanation, written: tuple[Explanation, Path], tmp_path: Path
) -> None:
    found.save(tmp_path / "saved")
    streamed, saved = written[1], tmp_path / "saved"

    def files(folder: Path) -> set[str]:
        paths = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
        return {path for path in paths if ".zarr" not in path}

    assert files(saved) == files(streamed)
    for name in ("by_count", "choices", "states", "transitions"):
        file = f"tables/{name}.csv"
        assert (saved / file).read_bytes() == (streamed / file).read_bytes()
    for path in sorted(streamed.rglob("*.zarr")):
        other = saved / path.relative_to(streamed)
        if path.name == "activations.zarr":
            for mine, theirs in zip(read_tree(path).subtree, read_tree(other).subtree, strict=True):
                xr.testing.assert_equal(mine.to_dataset(), theirs.to_dataset())
        else:
            kind = json.loads((path / "zarr.json").read_text())["attributes"]["store"]
            mine, theirs = (store.read(p, kind).load() for p in (path, other))
            # Fits take a different time each time.
            xr.testing.assert_identical(
                mine.drop_vars("seconds", errors="ignore"),
                theirs.drop_vars("seconds", errors="ignore"),
            )


class Calls:
    """How often networks were called, and the call that stops them: no part of a network."""

    n, stop_at = 0, 0


CALLS = Calls()


class Counting(RecurrentNetwork):
    """A network that counts its calls, and is stopped at one of them."""

    def __init__(self, stop_at: int) -> None:
        super().__init__("gru", 2, 2, 4, symbols_in=False, symbols_out=False)
        CALLS.n, CALLS.stop_at = 0, stop_at

    def forward(self, *args: Any, **more: Any) -> Any:
        CALLS.n += 1
        if CALLS.n == CALLS.stop_at:
            raise KeyboardInterrupt
        return super().forward(*args, **more)


@pytest.mark.study
def test_a_stopped_run_goes_on(data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    many = np.tile(data[0], (5, 1, 1))
    weights = Counting(0).state_dict()

    def calls(out: Path, error: type[BaseException] | None = None, stop_at: int = 0) -> int:
        network = Counting(stop_at)
        network.load_state_dict(weights)
        with pytest.raises(error) if error else nullcontext():
            explain(network, many, untrained=None, out=out, **QUICK)
        return CALLS.n

    out = tmp_path / "stopped"
    with monkeypatch.context() as patch:
        patch.setattr(hmmlens.explanation.recorded, "gather_tables", lambda *_: 1 / 0)
        whole = calls(tmp_path / "whole", ZeroDivisionError)
        # In the second of three batches.
        calls(out, KeyboardInterrupt, stop_at=whole // 3 + 1)
        # Of the first of three batches two runs are left: is it still the same network, and has it
        # an output for each step?
        assert calls(out, ZeroDivisionError) == whole * 2 // 3 + 2
        assert not out.exists()
        # All was recorded, so the network does not run again.
        assert calls(out, ZeroDivisionError) == 0
        weights = {name: -value for name, value in weights.items()}
        assert calls(out, ZeroDivisionError) == whole
    assert calls(out) == 0
    network = Counting(0)
    network.load_state_dict(weights)
    through = explain(network, many, untrained=None, **QUICK)
    recorded = read_tree(zarr(out / "network" / "0" / "activations"))
    expected = through.activations["layer0"]["hidden"]
    np.testing.assert_array_equal(recorded["layer0"]["hidden"], expected)
    assert (out / "summary.txt").read_text() == f"{through.summary()}\n"


# --- Symbols that train lacks ---------------------------------------------------------------


class Symbols(torch.nn.Module):
    """Reads symbols 0 to 5 and returns logits of six symbols."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.rnn = torch.nn.Embedding(6, 4), torch.nn.GRU(4, 5, batch_first=True)
        self.out = torch.nn.Linear(5, 6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = self.out(self.rnn(self.embed(x))[0])
        return outputs


@pytest.mark.study
def test_symbols_that_train_lacks_are_counted_and_change_no_fit(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    x = np.random.default_rng(0).integers(0, 4, (30, 40))
    split = np.repeat([0, 1, 2], [20, 5, 5])
    rare = x.copy()
    rare[-1, 7], rare[-2, 3], rare[-2, 4] = 4, 5, 5
    options = {"outputs": "logits", "split": split, "untrained": None, **QUICK}
    network = Symbols()
    plain = explain(network, x, **options)
    assert "unseen_symbols" not in plain.sequences.attrs
    found = explain(network, rare, out=tmp_path / "found", **options)
    sentence = (
        "The train split lacks the input symbols 4, 5, which occur at 3 steps of 2 sequences of "
        "the other splits."
    )
    assert sentence in caplog.messages
    assert found.summary().splitlines()[1] == sentence
    assert sentence in (tmp_path / "found" / "explanation.html").read_text(encoding="utf-8")
    assert found.sequences.attrs["unseen_symbols"] == [4, 5]
    # Models are fitted to train alone: the distribution of one state holds the shares of the train
    # split, with a pseudocount of a hundredth for every symbol.
    distribution = found.raw["raw-input"][1]["emissionprob"].sel(n_states=1).to_numpy().ravel()[:6]
    counts = np.bincount(x[:20].ravel(), minlength=6) + 0.01
    np.testing.assert_allclose(distribution, counts / counts.sum(), atol=1e-9)
    one, other = (e.layers["trained"].sweep["log_likelihood"] for e in (plain, found))
    np.testing.assert_array_equal(one, other)


# --- Which layer ----------------------------------------------------------------------------


class Stacked(torch.nn.Module):
    """Two bidirectional layers, made in the order ``made`` and run ``first`` before ``second``."""

    def __init__(self, made: list[str], time_first: bool = False) -> None:
        super().__init__()
        sizes = {"second": 2, "first": 6}
        for name in made:
            rnn = torch.nn.GRU(sizes[name], 3, batch_first=not time_first, bidirectional=True)
            setattr(self, name, rnn)
        self.out = torch.nn.Linear(6, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # The layer that is called "first" runs last.
        outputs: torch.Tensor = self.out(self.first(self.second(x)[0])[0])
        return outputs


@pytest.mark.parametrize(
    "made", [["first", "second"], pytest.param(["second", "first"], marks=pytest.mark.study)]
)
def test_the_last_layer_is_the_last_that_runs_with_both_directions(
    made: list[str], data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, both = Stacked(made), "first+first_reverse"
    kept = explain(network, data[0], untrained=None, **QUICK)
    # A file system lists folders in an order of its own.
    listed = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda path: sorted(listed(path), reverse=True))
    found = explain(network, data[0], untrained=None, out=tmp_path / "found", **QUICK)
    assert kept.layer == found.layer == both
    assert list(kept.activations.children) == list(found.activations.children)
    assert list(found.activations.children) == ["second", "second_reverse", *both.split("+")]
    assert found.activations.attrs["layers"] == [["second", "second_reverse"], both.split("+")]
    with torch.no_grad():
        states = network.first(network.second(torch.from_numpy(data[0]))[0])[0].numpy()
    # Both components of a principal component analysis of all six units, from their covariance.
    train = kept.sequences["split"].to_numpy() == 0
    frames = states[train].reshape(-1, 6).astype(float)
    largest = np.linalg.eigvalsh(np.cov(frames.T, bias=True))[-1]
    for each in (kept, found):
        reduced = each.layers["trained"].reduced["reduced"].to_numpy()[train]
        assert reduced[..., 0].var() == pytest.approx(largest, rel=1e-4)
    sentence = "(the last layer of the forward pass, both directions together): 6 units"
    assert sentence in found.summary().splitlines()[0]
    assert sentence in (tmp_path / "found" / "explanation.html").read_text(encoding="utf-8")
    pd.testing.assert_frame_equal(kept.scores, found.scores)


def test_a_name_takes_one_direction_and_several_names_take_all_of_them(data: Data) -> None:
    network = Stacked(["second", "first"])
    one = explain(network, data[0], layer="first_reverse", untrained=None, **QUICK)
    assert one.layer == "first_reverse"
    assert one.summary().startswith("Layer first_reverse: 3 units")
    several = explain(network, data[0], layer="second+first", untrained=None, **QUICK)
    assert several.summary().startswith("Layer second+first (2 taken together): 6 units")
    # Of several layers that are recorded, the last is taken.
    last = explain(network, data[0], layers=["second"], untrained=None, **QUICK)
    assert last.layer == "second+second_reverse"
    with pytest.raises(DataError, match="there is no layer 'third'"):
        explain(network, data[0], layer="first+third", untrained=None, **QUICK)


def test_a_layer_with_other_steps_is_not_the_last(data: Data) -> None:
    class Pooled(Last):
        def __init__(self) -> None:
            super().__init__(2, every_step=True)
            self.summary = torch.nn.GRU(3, 2, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            hidden, _ = self.rnn(x)
            self.summary(hidden[:, ::4])
            outputs: torch.Tensor = self.out(hidden)
            return outputs

    assert explain(Pooled(), data[0], untrained=None, **QUICK).layer == "rnn"


def test_a_model_that_takes_time_first_is_explained(data: Data) -> None:
    network = Stacked(["second", "first"], time_first=True)
    other = Stacked(["second", "first"])
    other.load_state_dict(network.state_dict())
    found = explain(network, data[0], batch_first=False, untrained=None, **QUICK)
    expected = explain(other, data[0], untrained=None, **QUICK)
    pd.testing.assert_frame_equal(found.scores, expected.scores, rtol=1e-4)
    with pytest.raises(DataError, match="batch_first=False"):
        explain(network, data[0], untrained=None, **QUICK)


class Own(torch.nn.Module):
    """A cell written by hand, which is recorded when it is named."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.out = torch.nn.Linear(5, 3), torch.nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        state, outputs = x.new_zeros(len(x), 3), []
        for t in range(x.shape[1]):
            state = self.cell(torch.cat([state, x[:, t]], dim=1)).tanh()
            outputs.append(self.out(state))
        return torch.stack(outputs, dim=1)


def test_a_module_without_layers_of_torch_is_explained_when_it_is_named(data: Data) -> None:
    with pytest.raises(DataError, match="name the modules to record, as in layers="):
        explain(Own(), data[0], untrained=None, **QUICK)
    found = explain(Own(), data[0], layers=["cell"], untrained=None, **QUICK)
    assert found.layer == "cell"
    assert found.activations["cell"]["hidden"].shape == (30, 60, 3)


# --- What goes in ---------------------------------------------------------------------------


def test_the_untrained_control_has_new_weights_unless_it_is_given(data: Data) -> None:
    network = latch(3.0)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    result = explain(network, data[0], truth=data[1], **QUICK)
    assert set(result.layers) == {"trained", "untrained"}
    assert all(torch.equal(before[n], v) for n, v in network.state_dict().items())
    hidden = [layer.activations["layer0"]["hidden"] for layer in result.layers.values()]
    assert float(abs(hidden[0] - hidden[1]).max()) > 0.1
    with pytest.raises(DataError, match="a network, 'redraw' or None is needed"):
        explain(network, data[0], untrained="fresh", **QUICK)


def test_what_stands_past_an_end_is_not_looked_at(data: Data) -> None:
    inputs, states = data[0].copy(), data[1].copy()
    lengths = np.where(np.arange(30) % 2, 60, 41)
    listed = [sequence[:n] for sequence, n in zip(inputs, lengths, strict=True)]
    from_list = explain(latch(3.0), listed, truth=states, untrained=None, **QUICK)
    past = np.arange(60) >= lengths[:, None]
    inputs[past], states[past] = 1e6, 9
    padded = explain(latch(3.0), inputs, lengths=lengths, truth=states, untrained=None, **QUICK)
    pd.testing.assert_frame_equal(from_list.scores, padded.scores)
    assert len(padded.sequences.attrs["state_names"]) == 4


def test_a_truth_of_each_sequence_is_tested_over_persons(data: Data) -> None:
    """Persons have a bit of their own, which the network keeps; shifts could not reject this."""
    person = np.repeat(np.arange(24), 2)
    bit = person // 2 % 2
    inputs = np.zeros((48, 30, 2), np.float32)
    inputs[:, 0] = (2 * bit - 1)[:, None]
    truth = np.repeat(bit[:, None], 30, axis=1)
    names = np.array([f"p{i}" for i in person])
    found = explain(latch(3.0), inputs, truth=truth, groups=names, untrained=None, **QUICK)
    parts = found.sequences["split"].to_numpy()
    assert all(len(set(parts[person == i])) == 1 for i in range(24))
    row = found.tables["agreement"].query("role == 'trained' and rule == 'true'").iloc[0]
    n_persons = len(set(person[parts == 2]))
    assert row["null"].startswith(f"permuted over {n_persons} groups, which allows no p below 0.")
    assert row["null_units"] == n_persons == 5
    # 5 persons: exact over the orders of their bits, 5 or 10 of them.
    bits = [bit[person == i][0] for i in sorted(set(person[parts == 2]))]
    n_orders = len(set(itertools.permutations(bits)))
    assert row["ari"] == 1 and row["shift_p"] == pytest.approx(1 / n_orders)
    assert f"a truth permuted over {n_persons} groups" in found.summary()
    with pytest.raises(DataError, match="groups has shape"):
        explain(latch(3.0), inputs, groups=names[:4], **QUICK)


def test_more_steps_than_wanted_are_thinned(data: Data) -> None:
    result = explain(latch(3.0), data[0], truth=data[1], max_frames=1500, untrained=None, **QUICK)
    root = result.activations.to_dataset()
    assert root.sizes["sequence"] == 25
    chosen = root["sequence"].to_numpy()
    np.testing.assert_array_equal(root["input"], data[0][chosen])
    assert "25 of 30 sequences" in result.summary()


# --- Outputs and controls that cannot be judged ---------------------------------------------


def test_steps_past_an_end_need_not_be_finite_and_a_logit_may_rule_a_symbol_out(data: Data) -> None:
    lengths = np.where(np.arange(30) % 2, 60, 7)
    lengths[1::2] = 7
    found = explain(Transformed(spoilt(np.nan)), data[0], lengths=lengths, untrained=None, **QUICK)
    assert np.isfinite(found.scores["fidelity_test"]).all()
    never = Transformed(
        lambda outputs: torch.cat([outputs, whole(outputs, -np.inf)], dim=-1)[..., :3]
    )
    ruled = explain(never, data[0], outputs="logits", untrained=None, **QUICK)
    assert np.isfinite(ruled.scores["fidelity_test"]).all()


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float64])
def test_a_network_of_another_precision_reads_inputs_in_it(kind: torch.dtype, data: Data) -> None:
    network = Last(2, every_step=True).to(kind)
    found = explain(network, data[0], untrained=None, **QUICK)
    with torch.no_grad():
        states = network.rnn(torch.from_numpy(data[0]).to(kind))[0].float().numpy()
    np.testing.assert_allclose(found.activations["rnn"]["hidden"], states, atol=1e-6)
    assert network.rnn.weight_hh_l0.dtype == kind


class Keeps(Last):
    """Keeps its state with its graph, as a training leaves it, and things that have no copy."""

    def __init__(self) -> None:
        super().__init__(2, every_step=True)
        self.lock, self.kept = threading.Lock(), {"states": [torch.zeros(1)]}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with self.lock:
            hidden, last = self.rnn(x)
            self.kept["states"].append(last)
            outputs: torch.Tensor = self.out(hidden)
            return outputs


def test_a_model_that_python_cannot_copy_gets_its_untrained_control(data: Data) -> None:
    network = Keeps()
    network(torch.from_numpy(data[0][:2]))
    assert not network.kept["states"][1].is_leaf
    weights = {name: value.clone() for name, value in network.state_dict().items()}
    found = explain(network, data[0], **QUICK)
    assert set(found.layers) == {"trained", "untrained"}
    assert all(torch.equal(weights[n], v) for n, v in network.state_dict().items())
    gap = abs(
        found.layers["untrained"].activations["rnn"]["hidden"] - found.activations["rnn"]["hidden"]
    )
    assert float(gap.max()) > 0.1


def test_a_model_that_has_no_copy_at_all_names_the_option(data: Data) -> None:
    class Alone(Last):
        def __deepcopy__(self, memo: Any) -> Any:
            raise RuntimeError("only one of me")

    network = Alone(2, every_step=True)
    with pytest.raises(DataError, match=r"\(RuntimeError: only one of me\).*or untrained=None"):
        explain(network, data[0], **QUICK)
    assert set(explain(network, data[0], untrained=None, **QUICK).layers) == {"trained"}
