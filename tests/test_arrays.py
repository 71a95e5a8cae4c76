"""Whatever kind of array users pass, every function reads the same numbers, or says what is wrong.

The numbers are compared with what NumPy, SciPy, scikit-learn and torch give for each sequence by
itself, so that neither padding nor layout can enter.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn.decomposition import PCA

from hmmlens import (
    CategoricalHMM,
    GaussianHMM,
    HMMSweep,
    arguments,
    extract,
    observations,
    reduce,
)
from hmmlens.errors import DataError
from hmmlens.hmm.input_driven import InputDrivenHMM
from hmmlens.recording import in_memory
from hmmlens.recording.inputs import Source
from hmmlens.recording.store import trees, writers

LENGTHS = np.array([6, 9, 4, 9, 7])
N_STEPS = 9
#: What stands past an end in padded arrays: in the range of the data, so that nothing but the
#: lengths tells it from them.
PAST = 2


class Data(NamedTuple):
    """Sequences, each by itself."""

    values: list[np.ndarray]  # (time, unit), whole numbers, exact in every type
    symbols: list[np.ndarray]  # (time)


def drawn() -> Data:
    rng = np.random.default_rng(0)
    return Data(
        [rng.integers(0, 7, (n, 3)).astype(float) for n in LENGTHS],
        [rng.integers(0, 3, n) for n in LENGTHS],
    )


DATA = drawn()


def padded(parts: list[np.ndarray], fill: float = PAST) -> np.ndarray:
    out = np.full((len(parts), N_STEPS, *parts[0].shape[1:]), fill, dtype=parts[0].dtype)
    for row, part in zip(out, parts, strict=True):
        row[: len(part)] = part
    return out


# --- What each function gives, from each sequence by itself -----------------------------------

START, MOVE = np.array([0.6, 0.4]), np.array([[0.9, 0.1], [0.3, 0.7]])
MEANS, COVARS = np.array([[1.0, 2.0, 3.0], [4.0, 4.0, 1.0]]), np.tile(4 * np.eye(3), (2, 1, 1))
EMIT = np.array([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]])
TABLES = np.array([MOVE, MOVE[::-1], [[0.5, 0.5], [0.2, 0.8]]])


def forward(density: np.ndarray, tables: list[np.ndarray]) -> float:
    """Return the log-likelihood of one sequence: density (time, state), tables of steps 1 on."""
    alpha = np.log(START) + density[0]
    for frame, table in zip(density[1:], tables, strict=True):
        alpha = logsumexp(alpha[:, None] + np.log(table), axis=0) + frame
    return float(logsumexp(alpha))


def normal(x: np.ndarray) -> np.ndarray:
    return np.stack(
        [multivariate_normal(m, c).logpdf(x) for m, c in zip(MEANS, COVARS, strict=True)], axis=-1
    )


def gaussian() -> GaussianHMM:
    return GaussianHMM.from_parameters(START, MOVE, MEANS, COVARS, "full")


def net() -> torch.nn.GRU:
    torch.manual_seed(0)
    return torch.nn.GRU(3, 4, batch_first=True)


def alone(sequence: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        states: np.ndarray = net()(torch.tensor(sequence, dtype=torch.float32)[None])[0][0].numpy()
    return states


def signed(components: np.ndarray) -> np.ndarray:
    """Return components (frame, component) with signs that do not depend on the solver."""
    rows = np.abs(components).argmax(axis=0)
    return components * np.sign(components[rows, range(components.shape[1])])


def flat(padded_array: Any) -> np.ndarray:
    return np.concatenate(
        [np.asarray(row)[:n] for row, n in zip(padded_array, LENGTHS, strict=True)]
    )


ALL = np.concatenate(DATA.values)
#: Function of (data, lengths) and what it must give.
ON_VALUES: dict[str, tuple[Callable[[Any, Any], Any], Any]] = {
    "GaussianHMM.score": (
        lambda x, n: gaussian().score(x, n),
        sum(forward(normal(s), [MOVE] * (len(s) - 1)) for s in DATA.values),
    ),
    "GaussianHMM.fit": (
        lambda x, n: GaussianHMM(1, "full", covars_prior=0).fit(x, n).means_[0],
        ALL.mean(axis=0),
    ),
    "GaussianHMM.predict_proba": (
        lambda x, n: flat(gaussian().predict_proba(x, n)).sum(axis=1),
        np.ones(len(ALL)),
    ),
    "HMMSweep.fit": (
        lambda x, n: [
            (s := HMMSweep(1).fit(x, n, x, n)).n_frames_,
            *s.models_["tied", 1].means_[0],
        ],
        [len(ALL), *ALL.mean(axis=0)],
    ),
    "reduce": (
        lambda x, n: signed(flat(reduce(x, "pca", n_components=2, lengths=n))),
        signed(PCA(2).fit_transform(ALL)),
    ),
    "extract": (
        lambda x, n: flat(extract(net(), x, n)["rnn"]["hidden"]),
        np.concatenate([alone(s) for s in DATA.values]),
    ),
    "InputDrivenHMM.filter": (
        lambda x, n: InputDrivenHMM(START, TABLES, MEANS, COVARS, "full")
        .filter(x, padded(DATA.symbols), n)
        .log_likelihood,
        [
            forward(normal(s), [TABLES[c] for c in classes[1:]])
            for s, classes in zip(DATA.values, DATA.symbols, strict=True)
        ],
    ),
}  # fmt: skip

ON_SYMBOLS: dict[str, tuple[Callable[[Any, Any], Any], Any]] = {
    "CategoricalHMM.score": (
        lambda x, n: CategoricalHMM.from_parameters(START, MOVE, EMIT).score(x, n),
        sum(forward(np.log(EMIT.T[s]), [MOVE] * (len(s) - 1)) for s in DATA.symbols),
    ),
    "CategoricalHMM.fit": (
        lambda x, n: CategoricalHMM(1).fit(x, n).emissionprob_[0],
        np.bincount(np.concatenate(DATA.symbols)) / LENGTHS.sum(),
    ),
    "HMMSweep.fit": (
        lambda x, n: (
            HMMSweep(1, emission="categorical", smoothing=0)
            .fit(x, n)
            .models_["none", 1]
            .emissionprob_[0]
        ),
        np.bincount(np.concatenate(DATA.symbols)) / LENGTHS.sum(),
    ),
    "InputDrivenHMM.filter": (
        lambda x, n: (
            InputDrivenHMM(START, TABLES, MEANS, COVARS, "full")
            .filter(padded(DATA.values), x, LENGTHS)
            .log_likelihood
        ),
        ON_VALUES["InputDrivenHMM.filter"][1],
    ),
}

# --- The same data in other containers --------------------------------------------------------


def marked(parts: list[np.ndarray], *last: str) -> xr.DataArray:
    """Return a DataArray that carries where sequences end."""
    inside = np.arange(N_STEPS) < LENGTHS[:, None]
    dims = ("sequence", "time")
    return xr.DataArray(padded(parts), dims=(*dims, *last), coords={"inside": (dims, inside)})


def boxed(parts: list[Any]) -> np.ndarray:
    """Return an array of objects that holds each part as one."""
    out = np.empty(len(parts), dtype=object)
    out[:] = parts
    return out


def big_endian(array: np.ndarray) -> np.ndarray:
    return array.astype(array.dtype.newbyteorder(">"))


def read_only(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array.setflags(write=False)
    return array


def every_other(array: np.ndarray) -> np.ndarray:
    """Return the same numbers as a view with strides, one of them negative."""
    return np.repeat(array, 2, axis=1)[::-1, ::2].copy()[::-1][:, :]


def with_grad(array: np.ndarray) -> torch.Tensor:
    return torch.tensor(array).requires_grad_() * 1


def later(parts: list[np.ndarray]) -> xr.DataArray:
    """Return a DataArray that began two steps before, cut."""
    longer = np.concatenate([np.full((len(parts), 2, 3), 5.0), padded(parts)], axis=1)
    dims, inside = ("sequence", "time"), np.arange(N_STEPS + 2) < LENGTHS[:, None] + 2
    return xr.DataArray(longer, dims=(*dims, "unit"), coords={"inside": (dims, inside)})[:, 2:]


#: Kind -> data and lengths, None where the data carry them; ``parts`` are floats or symbols.
Kinds = dict[str, Callable[[list[np.ndarray]], tuple[Any, Any]]]
ANY: Kinds = {
    "plain": lambda p: (padded(p), LENGTHS),
    "Fortran order": lambda p: (np.asfortranarray(padded(p)), LENGTHS.tolist()),
    "strides": lambda p: (every_other(padded(p)), tuple(LENGTHS)),
    "other byte order": lambda p: (big_endian(padded(p)), big_endian(LENGTHS)),
    "read-only": lambda p: (read_only(padded(p)), read_only(LENGTHS)),
    "int8": lambda p: (padded(p).astype(np.int8), LENGTHS.astype(np.int8)),
    "uint64": lambda p: (padded(p).astype(np.uint64), LENGTHS.astype(np.uint64)),
    "objects": lambda p: (padded(p).astype(int).astype(object), LENGTHS.astype(object)),
    "tensor": lambda p: (torch.tensor(padded(p)), torch.tensor(LENGTHS)),
    "nested lists": lambda p: (padded(p).tolist(), pd.Series(LENGTHS, dtype="Int64")),
    "list of arrays": lambda p: (p, None),
    "list with its lengths": lambda p: (p, LENGTHS),
    "tuple of lists": lambda p: (tuple(part.tolist() for part in p), None),
    "list of tensors": lambda p: ([torch.tensor(part) for part in p], None),
    "array of arrays": lambda p: (boxed(p), None),
    "zarr": lambda p: (zarr.create_array({}, data=padded(p)), LENGTHS),
    "length as a coordinate": lambda p: (
        xr.DataArray(padded(p), dims=("sequence", "time", "x")[: padded(p).ndim])
        .assign_coords(length=("sequence", LENGTHS)),
        None,
    ),
}  # fmt: skip
ONLY_VALUES: Kinds = {
    "float16": lambda p: (padded(p).astype(np.float16), LENGTHS),
    "long double": lambda p: (padded(p).astype(np.longdouble), LENGTHS),
    "bfloat16": lambda p: (torch.tensor(padded(p)).bfloat16(), LENGTHS),
    "tensor with gradient": lambda p: (with_grad(padded(p)), LENGTHS),
    "list of tensors with gradient": lambda p: ([with_grad(part) for part in p], None),
    "unit first": lambda p: (marked(p, "unit").transpose("unit", "time", "sequence"), None),
    "time first": lambda p: (marked(p, "component").transpose("time", "sequence", ...), None),
    "feature": lambda p: (marked(p, "feature"), None),
    "dimensions without names": lambda p: (xr.DataArray(padded(p)), LENGTHS),
    "without its first steps": lambda p: (later(p), None),
    "list of DataArrays": lambda p: (list(marked(p, "unit")), None),
}  # fmt: skip
ONLY_SYMBOLS: Kinds = {
    "time first": lambda p: (marked(p).transpose("time", "sequence"), None),
}


def cases(of: dict[str, Any], *kinds: Kinds) -> list[Any]:
    return [
        pytest.param(call, expected, make, id=f"{name}-{kind}")
        for name, (call, expected) in of.items()
        for group in kinds
        for kind, make in group.items()
    ]


@pytest.mark.parametrize(("call", "expected", "make"), cases(ON_VALUES, ANY, ONLY_VALUES))
def test_values_are_read_alike(call: Any, expected: Any, make: Any) -> None:
    np.testing.assert_allclose(call(*make(DATA.values)), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("call", "expected", "make"), cases(ON_SYMBOLS, ANY, ONLY_SYMBOLS))
def test_symbols_are_read_alike(call: Any, expected: Any, make: Any) -> None:
    np.testing.assert_allclose(call(*make(DATA.symbols)), expected, rtol=1e-9)


# --- What is refused --------------------------------------------------------------------------


def with_one(value: Any) -> np.ndarray:
    array = padded(DATA.values).astype(np.result_type(type(value), float))
    array[2, 1, 0] = value
    return array


WHOLE = padded(DATA.values)
REFUSED: dict[str, tuple[Any, Any, str]] = {
    "NaN": (with_one(np.nan), LENGTHS, r"not finite at \(2, 1, 0\)|step 1 is not a number"),
    "infinite": (with_one(np.inf), LENGTHS, r"not finite at \(2, 1, 0\)"),
    "huge": (with_one(1e300), LENGTHS, r"holds 1e\+300 at \(2, 1, 0\); rescale it"),
    "complex": (with_one(1j), LENGTHS, "must be real numbers, found complex numbers"),
    "words": (WHOLE.astype(str), LENGTHS, "must be real numbers, found <U"),
    "objects": (np.full(WHOLE.shape, "a", dtype=object), LENGTHS, "an object of type str at"),
    "times": (WHOLE.astype("M8[s]"), LENGTHS, "must be real numbers, found datetime64"),
    "records": (np.zeros((5, 9), dtype=[("a", float)]), LENGTHS, "must be real numbers"),
    "meta": (torch.empty(5, 9, 3, device="meta"), LENGTHS, "on the meta device"),
    "empty": (np.empty((0, 9, 3)), [], "empty"),
    "no steps": (np.empty((5, 0, 3)), LENGTHS, "empty"),
    "one number": (np.float64(3), None, "empty|shape|needed|array"),
    "None": (None, None, "is None; give an array"),
    "text": ("data.csv", None, "is a str; give an array"),
    "dict": ({"a": WHOLE}, None, "is a dict; give an array"),
    "Dataset": (xr.Dataset({"a": ("x", [1])}), None, "is a Dataset of several arrays; give one"),
    "loader": (torch.utils.data.DataLoader([1.0, 2.0]), None, "is a DataLoader, which gives its"),
    "unknown names": (
        xr.DataArray(WHOLE, dims=("trial", "when", "unit")),
        LENGTHS,
        r"has the dimensions trial, when, unit; name them sequence and time",
    ),
    "masked in part": (np.ma.masked_equal(WHOLE, WHOLE[0, 0, 0]), LENGTHS, "mask"),
    "empty sequence": ([WHOLE[0], WHOLE[1][:0]], None, "empty"),
    "other widths": ([WHOLE[0], WHOLE[1][:4, :2]], None, r"a step of sequence 1 has the shape"),
    "float lengths": (WHOLE, LENGTHS.astype(float), "lengths must be whole numbers"),
    "lengths are a mask": (WHOLE, np.ones(5, dtype=bool), "lengths must be whole numbers"),
    "negative length": (WHOLE, [6, -9, 4, 9, 7], r"lengths\[1\] is -9"),
    "zero length": (WHOLE, [6, 0, 4, 9, 7], r"lengths\[1\] is 0"),
    "long length": (WHOLE, [6, 10, 4, 9, 7], r"lengths\[1\] is 10; each must lie between 1 and 9"),
    "huge length": (WHOLE, np.array([6, 2**64 - 1, 4, 9, 7], dtype=np.uint64), r"lengths\[1\] is"),
    "few lengths": (WHOLE, [6, 9], r"lengths has shape \(2,\); \(5,\) is needed"),
    "longer than carried": (marked(DATA.values, "unit"), [9] * 5, r"\[0\] is 9, but the coord"),
    "no step left": (marked(DATA.values, "unit")[:, 5:], None, "no step of sequence 2"),
    "other lengths": (DATA.values, [6, 9, 4, 9, 8], "has its lengths already"),
}  # fmt: skip


#: What a network may read, though nothing can be fitted to it: also inputs with names.
FOR_NETWORKS = ("infinite", "huge", "dict", "Dataset")


@pytest.mark.parametrize(
    ("name", "kind"),
    [(n, k) for n in ON_VALUES for k in REFUSED if not (n == "extract" and k in FOR_NETWORKS)],
)
def test_what_is_no_data_is_refused_in_a_sentence(name: str, kind: str) -> None:
    X, lengths, sentence = REFUSED[kind]
    with pytest.raises(DataError, match=sentence) as caught:
        ON_VALUES[name][0](X, lengths)
    assert "\n" not in str(caught.value)


def test_a_layer_of_torch_reads_one_named_array_and_no_more() -> None:
    layer = torch.nn.GRU(3, 4, batch_first=True)
    one, other = extract(layer, {"a": WHOLE}), extract(layer, WHOLE)
    np.testing.assert_array_equal(one["output"], other["output"])
    with pytest.raises(DataError, match=r"the inputs are a, b, and GRU.forward"):
        extract(layer, {"a": WHOLE, "b": WHOLE})
    with pytest.raises(DataError, match="do not show which of them have steps"):
        extract(layer, xr.Dataset({"a": ("x", [1])}))


def test_a_sentence_states_that_padding_was_taken_for_data() -> None:
    X = padded(DATA.values, fill=np.nan)
    for call in (lambda: reduce(X), lambda: gaussian().score(X), lambda: HMMSweep(1).fit(X)):
        with pytest.raises(
            DataError, match=r"at \(0, 6, 0\); .* so give its length if that is pad"
        ):
            call()


# --- Steps that are masked --------------------------------------------------------------------


def test_a_masked_frame_is_one_that_was_not_observed() -> None:
    gone = np.zeros((5, 9), dtype=bool)
    gone[1, 3:5] = gone[3, 0] = True
    masked = np.ma.masked_array(WHOLE, np.repeat(gone[..., None], 3, axis=2))
    # Nothing observed there: the density is 1 in every state.
    expected = 0.0
    for sequence, hidden in zip(DATA.values, gone, strict=True):
        density = np.where(hidden[: len(sequence), None], 0.0, normal(sequence))
        expected += forward(density, [MOVE] * (len(sequence) - 1))
    assert gaussian().score(masked, LENGTHS) == pytest.approx(expected)
    rows = [row[:n] for row, n in zip(masked, LENGTHS, strict=True)]
    assert gaussian().score(rows) == pytest.approx(expected)
    assert gaussian().score(WHOLE, LENGTHS, mask=~gone) == pytest.approx(expected)
    symbols = np.ma.masked_array(padded(DATA.symbols), gone)
    coins = CategoricalHMM.from_parameters(START, MOVE, EMIT)
    assert coins.score(symbols, LENGTHS) == coins.score(symbols.data, LENGTHS, mask=~gone)
    for call in (
        lambda: reduce(masked, lengths=LENGTHS),
        lambda: extract(net(), masked, LENGTHS),
        lambda: gaussian().score(np.ma.masked_array(WHOLE, True), LENGTHS),
    ):
        with pytest.raises(DataError, match="mask"):
            call()


# --- Lengths that travel ----------------------------------------------------------------------


@pytest.mark.parametrize("stored", [False, True], ids=["memory", "store"])
def test_lengths_travel_from_the_recording_to_the_models(stored: bool, tmp_path: Path) -> None:
    store = {"store": tmp_path / "acts.zarr"} if stored else {}
    acts = extract(net(), [s.astype(np.float32) for s in DATA.values], **store)
    hidden = acts["rnn"]["hidden"]
    alike = np.concatenate([alone(s) for s in DATA.values])
    low = reduce(hidden, "pca", n_components=2)
    assert isinstance(low, xr.DataArray) and low.dims == ("sequence", "time", "component")
    np.testing.assert_allclose(signed(flat(low)), signed(PCA(2).fit_transform(alike)), atol=1e-5)
    sweep = HMMSweep([1, 2], n_restarts=1).fit(low)
    by_hand = HMMSweep([1, 2], n_restarts=1).fit(low.to_numpy(), LENGTHS)
    assert sweep.n_frames_ == LENGTHS.sum()
    scores = ["log_likelihood", "bic"]
    pd.testing.assert_frame_equal(sweep.results_[scores], by_hand.results_[scores])
    model = sweep.models_["tied", 2]
    # In another order, and of some sequences and steps only.
    turned = low.transpose("component", "time", "sequence")[:, :, [3, 1]]
    assert model.score(turned) == pytest.approx(model.score(low.to_numpy()[[3, 1]], [9, 9]))
    assert model.score(low[:, 2:]) == pytest.approx(model.score(low.to_numpy()[:, 2:], LENGTHS - 2))
    assert model.score(low[:, :5]) == pytest.approx(
        model.score(low.to_numpy()[:, :5], np.minimum(LENGTHS, 5))
    )
    assert model.score(low[2]) == pytest.approx(model.score(low.to_numpy()[2, :4]))
    # Without names and coordinates, padding is refused and not counted.
    for name in ("hidden", "layer"):
        array = hidden if name == "hidden" else acts["output"]
        assert np.isnan(array.to_numpy()[array["inside"].to_numpy() == 0]).all()
        with pytest.raises(DataError, match="so give its length if that is padding"):
            reduce(array.to_numpy())


def test_a_recording_without_padding_has_no_coordinate() -> None:
    acts = extract(net(), np.ones((2, 4, 3), np.float32))
    assert "inside" not in acts["rnn"].coords and "inside" not in acts.coords


def test_a_store_holds_no_coordinate_and_is_written_again_alike(tmp_path: Path) -> None:
    acts = extract(net(), [s.astype(np.float32) for s in DATA.values])
    writers.write_tree(acts, tmp_path / "a")
    again = trees.read_tree(tmp_path / "a")
    assert {n for n, _ in zarr.open_group(tmp_path / "a", mode="r")["rnn"].arrays()} == {"hidden"}
    xr.testing.assert_identical(again["rnn"].dataset.load(), acts["rnn"].dataset)


# --- Truth, split, seeds and numbers of states -------------------------------------------------

TRUE = [np.arange(n) % 3 - 1 for n in LENGTHS]


@pytest.mark.parametrize(
    ("truth", "names"),
    [
        (padded(TRUE), ["true 1", "true 2"]),
        (TRUE, ["true 1", "true 2"]),
        (padded(TRUE).astype(float), ["true 1", "true 2"]),
        (np.where(padded(TRUE) < 0, np.nan, padded(TRUE)), ["true 1", "true 2"]),
        (np.ma.masked_less(padded(TRUE), 0), ["true 1", "true 2"]),
        (torch.tensor(padded(TRUE)), ["true 1", "true 2"]),
        (xr.DataArray(padded(TRUE).T, dims=("time", "sequence")), ["true 1", "true 2"]),
        (np.array(["", "x", " y ", "past"])[padded(TRUE) + 1], ["x", "y"]),
        ([np.array([None, "x", "y"], dtype=object)[t + 1] for t in TRUE], ["x", "y"]),
        ([np.array(["-1", "9", "10"])[t + 1] for t in TRUE], ["9", "10"]),
        (np.array([np.nan, "x", "y", 3], dtype=object)[padded(TRUE) + 1], ["x", "y"]),
    ],
)
def test_truth_may_be_numbers_or_words(truth: Any, names: list[str]) -> None:
    split = ["train", "select", "test", "train", "train"]
    found = in_memory.sequences(Source(DATA.values), truth, split, {}, 0)
    np.testing.assert_array_equal(found["state"], padded(TRUE, fill=-1))
    np.testing.assert_array_equal(found["split"], [0, 1, 2, 0, 0])
    assert found.attrs["state_names"] == names


@pytest.mark.parametrize(
    ("truth", "names", "sentence"),
    [
        (np.full((5, 9), 0.5), {}, "truth holds 0.5 at sequence 0, step 0; whole numbers from 0"),
        (np.full((5, 9), -2), {}, "truth holds -2 at sequence 0, step 0"),
        (np.full((5, 9), 40_000), {}, "truth holds 40000 at"),
        (np.full((5, 9), 1j), {}, "truth must be real numbers, found complex numbers"),
        (np.full((5, 9), np.inf), {}, "truth holds inf at"),
        (TRUE[0], {}, r"truth has shape \(6,\); \(5, 9\) is needed"),
        (TRUE[::-1], {}, "truth has 7 steps of sequence 0, the inputs have 6"),
        ([TRUE[0].astype(str), *TRUE[1:]], {}, "words in some sequences and numbers in others"),
        (np.full((5, 9), "x"), {"truth": ["y"]}, "lacks the label 'x', which truth holds"),
    ],
)
def test_truth_that_does_not_fit_is_refused(truth: Any, names: Any, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        in_memory.sequences(Source(DATA.values), truth, [0, 1, 2, 0, 0], names, 0)


def test_words_of_the_truth_are_in_the_order_of_their_names() -> None:
    truth = np.array(["", "x", "y", "past"])[padded(TRUE) + 1]
    found = in_memory.sequences(Source(DATA.values), truth, None, {"truth": ["y", "z", "x"]}, 0)
    expected = np.array([-1, 2, 0])[padded(TRUE, fill=-1) + 1]
    np.testing.assert_array_equal(found["state"], expected)
    assert found.attrs["state_names"] == ["y", "z", "x"]


@pytest.mark.parametrize("make", [*ANY.values(), *ONLY_VALUES.values()], ids=[*ANY, *ONLY_VALUES])
def test_explain_reads_inputs_alike(make: Any) -> None:
    found = in_memory.sequences(Source(*make(DATA.values)), None, None, {}, 0)
    np.testing.assert_array_equal(flat(found["input"]), ALL)
    np.testing.assert_array_equal(found["length"], LENGTHS)


def test_a_table_is_no_array_of_sequences() -> None:
    frame = pd.DataFrame(ALL, columns=list("abc")).assign(id=np.repeat(range(5), LENGTHS))
    with pytest.raises(DataError, match="inputs is a DataFrame, which does not show where a seq"):
        extract(net(), frame)
    listed = [part[["a", "b", "c"]] for _, part in frame.groupby("id")]
    np.testing.assert_allclose(
        flat(extract(net(), listed)["rnn"]["hidden"]), ON_VALUES["extract"][1], atol=1e-6
    )
    # Flat data are a table, as in hmmlearn.
    score = gaussian().score(frame[["a", "b", "c"]], LENGTHS)
    assert score == pytest.approx(ON_VALUES["GaussianHMM.score"][1])


@pytest.mark.parametrize(
    ("n_states", "expected"),
    [
        (3, [3]),
        (np.int64(3), [3]),
        (np.array(3), [3]),
        (range(1, 3), [1, 2]),
        ((2, 4), [2, 4]),
        (np.array([2, 4]), [2, 4]),
        (torch.tensor([2, 4]), [2, 4]),
        (iter([2, 4]), [2, 4]),
    ],
)
def test_one_number_of_states_means_just_that(n_states: Any, expected: list[int]) -> None:
    fitted = HMMSweep(n_states, n_restarts=1, max_iter=1).fit(WHOLE)
    assert fitted.results_["n_states"].tolist() == expected


@pytest.mark.parametrize("n_states", [0, -1, 2.5, "3", None, True, [1, "2"], [], [2, 2]])
def test_numbers_of_states_that_are_none_are_refused(n_states: Any) -> None:
    with pytest.raises(DataError, match="n_states"):
        HMMSweep(n_states).fit(WHOLE)


def test_a_fresh_seed_is_recorded_and_repeats_the_fit() -> None:
    settings = {"n_states": 2, "n_restarts": 2, "max_iter": 3}
    first = HMMSweep(random_state=None, **settings).fit(WHOLE)
    other = HMMSweep(random_state=None, **settings).fit(WHOLE)
    assert first.random_state_ != other.random_state_
    again = HMMSweep(random_state=first.random_state_, **settings).fit(WHOLE)
    pd.testing.assert_frame_equal(
        first.results_.drop(columns="seconds"), again.results_.drop(columns="seconds")
    )
    for make in (np.random.RandomState, np.random.default_rng):
        seeds = [arguments.seed(make(7)) for _ in range(2)]
        assert seeds[0] == seeds[1] != arguments.seed(make(8))
    assert arguments.seed(np.uint8(7)) == 7
    for wrong in (-1, 2**32, 1.0, "1", True):
        with pytest.raises(DataError, match="random_state must be a whole number from 0 to"):
            HMMSweep(random_state=wrong).fit(WHOLE)


# --- One-hot codes ----------------------------------------------------------------------------


def test_whole_numbers_with_features_are_values_where_the_network_needs_them() -> None:
    codes = np.eye(3, dtype=int)[padded(DATA.symbols)]
    found = extract(net(), codes, LENGTHS)["rnn"]["hidden"]
    expected = np.concatenate([alone(np.eye(3)[s]) for s in DATA.symbols])
    np.testing.assert_allclose(flat(found), expected, atol=1e-6)
    # Where it takes whole numbers, they stay so.
    torch.manual_seed(0)
    embed = torch.nn.Embedding(7, 2)
    model = torch.nn.Sequential(embed, torch.nn.Flatten(2), torch.nn.GRU(6, 4, batch_first=True))
    whole = WHOLE.astype(int)
    acts = extract(model, whole)
    with torch.no_grad():
        expected = model(torch.tensor(whole))[0].numpy()
    np.testing.assert_allclose(acts["2"]["hidden"], expected, atol=1e-6)


# --- Any layout -------------------------------------------------------------------------------

LAYOUTS = ("array", "tensor", "list", "tensors", "labelled", "length", "objects", "lists")


@settings(max_examples=80, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 5), min_size=1, max_size=4),
    n_units=st.integers(1, 3),
    extra=st.integers(0, 2),
    dtype=st.sampled_from(
        ["?", "i1", "u1", ">i2", "<u2", "i4", ">u4", "i8", "u8", "f2", ">f4", "f8", ">f8", "g"]
    ),
    layout=st.sampled_from(LAYOUTS),
    order=st.permutations(("sequence", "time", "unit")),
    fortran=st.booleans(),
    backwards=st.booleans(),
    seed=st.integers(0, 99),
)
def test_any_layout_and_type_gives_the_same_frames(
    lengths: list[int],
    n_units: int,
    extra: int,
    dtype: str,
    layout: str,
    order: list[str],
    fortran: bool,
    backwards: bool,
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    n, n_steps = len(lengths), max(lengths) + extra
    whole = rng.integers(0, 2, (n, n_steps, n_units)).astype(dtype)
    whole = np.asfortranarray(whole) if fortran else whole
    whole = whole[::-1].copy("K")[::-1] if backwards else whole
    parts = [row[:m] for row, m in zip(whole, lengths, strict=True)]
    expected = np.concatenate(parts).astype(float)
    native = whole.astype(np.float64 if dtype == "g" else whole.dtype.newbyteorder("=")).copy()
    labelled = xr.DataArray(whole, dims=("sequence", "time", "unit")).transpose(*order)
    inside = np.arange(n_steps) < np.array(lengths)[:, None]
    X, ends = {
        "array": lambda: (whole, lengths),
        "tensor": lambda: (torch.tensor(native), torch.tensor(lengths)),
        "list": lambda: (parts, None),
        "tensors": lambda: (
            [torch.tensor(row[:m]) for row, m in zip(native, lengths, strict=True)],
            None,
        ),
        "labelled": lambda: (
            labelled.assign_coords(inside=(("sequence", "time"), inside)),
            None,
        ),
        "length": lambda: (labelled.assign_coords(length=("sequence", lengths)), None),
        "objects": lambda: (whole.astype(object), lengths),
        "lists": lambda: ([part.tolist() for part in parts], None),
    }[layout]()
    before = np.array(whole)
    found = observations.values(X, ends)
    np.testing.assert_array_equal(found.frames, expected)
    np.testing.assert_array_equal(found.lengths, lengths)
    np.testing.assert_array_equal(whole, before)


# --- Complex outputs --------------------------------------------------------------------------


class Spectrum(torch.nn.Module):
    """Returns the states' Fourier transform: alone, or after the states."""

    def __init__(self, states_first: bool) -> None:
        super().__init__()
        self.rnn, self.states_first = net(), states_first

    def forward(self, x: torch.Tensor) -> Any:
        states = self.rnn(x)[0]
        spectrum = torch.fft.fft(states, dim=-1)
        return (states, spectrum) if self.states_first else spectrum


def test_a_complex_output_is_refused_and_not_cut_to_its_real_part() -> None:
    x = WHOLE.astype(np.float32)
    with pytest.raises(DataError, match=r"the output is complex .*only real numbers are recorded"):
        extract(Spectrum(states_first=False), x)
    # Where it is not what is recorded, it is compared in the replay with both parts.
    acts = extract(Spectrum(states_first=True), x)
    np.testing.assert_allclose(acts["output"], [alone(s) for s in WHOLE], atol=1e-6)
    assert acts.attrs["replay_error"] < 1e-5
