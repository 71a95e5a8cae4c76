"""Explain a network in one call: record, reduce, fit, choose, compare, read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from hmmlens import reducers
from hmmlens.activations import layer_state
from hmmlens.datasets.generators import split_sequences
from hmmlens.errors import DataError
from hmmlens.extraction.api import extract
from hmmlens.figures.names import state_name
from hmmlens.hmm import HMMSweep, storage
from hmmlens.hmm.models import HiddenMarkovModel
from hmmlens.interpretation.states import read_picks
from hmmlens.report.findings import choice_sentence
from hmmlens.validation import scorecard
from hmmlens.validation.fidelity import output_law
from hmmlens.validation.scorecard import RAW_INPUT

SHARES = {"train": 0.6, "select": 0.2, "test": 0.2}
#: Inputs and outputs that a state is told by: those with the largest means.
N_TOLD = 3

CRITERION, TOLERANCE, N_BOOTSTRAP = "bic", 0.02, 200

#: What is compared, in the order of figures and tables.
ROLES = ("trained", "untrained", "raw input")


@dataclass(frozen=True)
class Explanation:
    """What :func:`explain` found.

    Attributes
    ----------
    activations : what was recorded, see :func:`hmmlens.extract`.
    layer : the layer that is explained.
    reduced : (sequence, time, component)
    sweep : every fit, as stored by :mod:`hmmlens.hmm.storage`.
    fits : one row per fit.
    scores : one row per role and model: ``role, covariance_type, n_states, fidelity_select,
        fidelity_test`` and, with a truth, ``ari, nmi, accuracy`` with intervals.
    choices : the models chosen by BIC and by fidelity (``compact``), with their scores.
    states : what the states of the chosen models are, see
        :func:`hmmlens.interpretation.states.read_picks`.
    symbols_out : whether the network's output is the law of a symbol.
    recorded : ``input, truth, split, length`` of the sequences.
    names : ``input``, ``output``, ``truth`` -> names along these dimensions.
    """

    activations: xr.DataTree
    layer: str
    reduced: NDArray[np.float64]
    sweep: xr.Dataset
    fits: pd.DataFrame
    scores: pd.DataFrame
    choices: pd.DataFrame
    states: xr.Dataset
    symbols_out: bool
    recorded: Mapping[str, NDArray[Any]] = field(repr=False)
    names: Mapping[str, Sequence[str]] = field(repr=False)

    def model(self, pick: str = "compact") -> HiddenMarkovModel:
        """Return a chosen model: ``compact`` (fewest states that are as faithful) or ``bic``."""
        row = self.choices[self.choices["pick"] == pick].iloc[0]
        return storage.model(self.sweep, row["covariance_type"], int(row["n_states"]))

    def summary(self) -> str:
        """Return the findings in plain sentences, and the states of the compact model."""
        root = self.activations.to_dataset()
        error = float(root.attrs["replay_error"])
        replayed = (
            f"its recorded states replay to {error:.1g}"
            if np.isfinite(error)
            else "its recorded states could not be checked by replay"
        )
        n_sequences, n_steps, n_units = self.activations[self.layer]["hidden"].shape
        lines = [
            f"Layer {self.layer}: {n_units} units, {n_sequences} sequences of up to {n_steps} "
            f"steps; {replayed}.",
            choice_sentence(self.choices, CRITERION),
        ]
        compact = self.choices[self.choices["pick"] == "compact"].iloc[0]
        same = self.scores[
            (self.scores["n_states"] == compact["n_states"])
            & self.scores["covariance_type"].isin([compact["covariance_type"], "none"])
        ].set_index("role")
        for score, words in (("fidelity_test", "fidelity"), ("ari", "agreement (ARI)")):
            if score not in same or same[score].isna().all():
                continue
            told = [f"{role} {same.loc[role, score]:.2f}" for role in ROLES if role in same.index]
            lines.append(f"At {int(compact['n_states'])} states, {words}: {', '.join(told)}.")
        reading = self.states.isel(pick=list(self.states.attrs["picks"]).index("compact"))
        for k in range(int(compact["n_states"])):
            state = reading.isel(state=k)
            about = [
                f"State {state_name(k)}: {100 * float(state['occupancy']):.0f} % of steps",
                f"stays {float(state['model_dwell']):.1f} steps",
            ]
            for block in ("input", "output"):
                mean = state[f"{block}_mean"].to_numpy()
                largest = np.argsort(-np.abs(mean), kind="stable")[:N_TOLD]
                told = [f"{self.names[block][i]} {mean[i]:.2f}" for i in sorted(largest)]
                about.append(f"{block} ({', '.join(told)})")
            lines.append(", ".join(about) + ".")
        return "\n".join(lines)

    def to_html(self, path: str | Path) -> None:
        """Write the findings, figures and tables to one HTML file that needs nothing else."""
        from hmmlens.report.page import write

        write(self, Path(path))


def explain(
    model: Any,
    inputs: ArrayLike,
    *,
    lengths: ArrayLike | None = None,
    outputs: str = "values",
    truth: ArrayLike | None = None,
    split: ArrayLike | None = None,
    untrained: Any | None = None,
    layer: str | None = None,
    reducer: str = "pca",
    n_components: int = 8,
    n_states: Iterable[int] = range(1, 13),
    covariance_type: str = "tied",
    n_restarts: int = 5,
    random_state: int = 0,
    names: Mapping[str, Sequence[str]] | None = None,
) -> Explanation:
    """Explain one layer of a network by the states that it moves through.

    Parameters
    ----------
    model : any torch module that holds recurrent layers; see :func:`hmmlens.extract`.
    inputs : (sequence, time) symbols or (sequence, time, feature) values.
    lengths : (sequence), steps of each sequence where they differ.
    outputs : ``logits`` of symbols, or ``values``: what the network's output is.
    truth : (sequence, time) true states, -1 where unknown, to compare with.
    split : (sequence) 0 train, 1 select, 2 test; by default drawn with shares .6, .2, .2.
    untrained : the same network before training, taken through the same steps.
    layer : name of the layer in the recording; by default the last.
    reducer, n_components : see :func:`hmmlens.reduce`.
    n_states, covariance_type, n_restarts : see :class:`hmmlens.HMMSweep`.
    random_state : seed of the split, the reduction and the starts.
    names : ``input``, ``output``, ``truth`` -> names along these dimensions.

    Raises
    ------
    DataError
        When the arrays do not fit each other, or the layer does not exist.
    """
    if outputs not in ("logits", "values"):
        raise DataError(f"outputs is {outputs!r}; logits or values is needed")
    given = np.asarray(inputs)
    n_sequences, n_steps = given.shape[:2]
    length = np.full(n_sequences, n_steps) if lengths is None else np.asarray(lengths)
    known = np.full((n_sequences, n_steps), -1) if truth is None else np.asarray(truth)
    if known.shape != (n_sequences, n_steps):
        raise DataError(f"truth has shape {known.shape}; {(n_sequences, n_steps)} is needed")
    parts = (
        split_sequences(n_sequences, SHARES, np.random.default_rng(random_state))
        if split is None
        else np.asarray(split)
    )
    if parts.shape != (n_sequences,) or set(np.unique(parts)) != {0, 1, 2}:
        raise DataError(
            "split must give each sequence 0 (train), 1 (select) or 2 (test), each at least once; "
            f"found shape {parts.shape} with {sorted(set(parts.ravel().tolist()))}"
        )
    kind = "symbols" if outputs == "logits" else "values"
    grid: dict[str, Any] = {"n_states": list(n_states), "n_restarts": n_restarts}

    def fit(observed: NDArray[Any], emission: str) -> xr.Dataset:
        sweep = HMMSweep(
            **grid, covariance_types=[covariance_type], emission=emission,
            random_state=random_state,
        )  # fmt: skip
        train, select = parts == 0, parts == 1
        sweep.fit(observed[train], length[train], observed[select], length[select])
        return storage.to_dataset(sweep)

    def score(law: NDArray[Any], observed: NDArray[Any], sweep: xr.Dataset) -> pd.DataFrame:
        network = scorecard.Network(law, kind, length, parts, known)
        return scorecard.score_sweep(network, observed, sweep, N_BOOTSTRAP, random_state)

    tables, kept = [], {}
    for role, network in (("trained", model), ("untrained", untrained)):
        if network is None:
            continue
        acts = extract(network, given, lengths)
        name = _layer(acts, layer)
        law = output_law(acts["output"].to_numpy().astype(np.float64), kind)
        state = layer_state(acts[name].to_dataset(), "both")
        settings = {"kind": reducer} | (
            {} if reducer == "identity" else {"n_components": n_components}
        )
        reduced, _ = reducers.fit_transform(
            state, parts == 0, reducers.checked(settings), random_state, length
        )
        sweep = fit(reduced, "gaussian")
        tables.append(score(law, reduced, sweep).assign(role=role, reducer=reducer))
        kept[role] = (acts, name, law, reduced, sweep)
    acts, name, law, reduced, sweep = kept["trained"]
    raw = given if given.ndim == 2 else given.astype(np.float64)
    raw_sweep = fit(raw, "categorical" if given.ndim == 2 else "gaussian")
    tables.append(score(law, raw, raw_sweep).assign(role="raw input", reducer=RAW_INPUT))
    scores = pd.concat(tables, ignore_index=True)

    mine = tables[0].drop(columns="role")
    choices = scorecard.choices(mine, {reducer: sweep}, {reducer: False}, CRITERION, TOLERANCE)
    features = np.eye(int(given.max()) + 1)[given] if given.ndim == 2 else raw
    labels = _names(names, features.shape[2], law.shape[2], int(known.max()) + 1)
    states = read_picks(
        choices, sweep, reduced, inputs=features, outputs=law, truth=known, length=length,
        n_truth=len(labels["truth"]),
    )  # fmt: skip
    fits = storage.results(sweep).assign(reducer=reducer, exploratory=False)
    recorded = {"input": given, "truth": known, "split": parts, "length": length}
    return Explanation(
        acts,
        name,
        reduced,
        sweep,
        fits,
        scores,
        choices,
        states,
        kind == "symbols",
        recorded,
        labels,
    )


def _layer(acts: xr.DataTree, wanted: str | None) -> str:
    layers = list(acts.children)
    if wanted is None:
        return layers[-1]
    if wanted not in layers:
        raise DataError(f"there is no layer {wanted!r}; recorded were: {', '.join(layers)}")
    return wanted


def _names(
    given: Mapping[str, Sequence[str]] | None, n_inputs: int, n_outputs: int, n_truth: int
) -> dict[str, list[str]]:
    """Return names along the dimensions: those given, or numbers."""
    names = {
        "input": [str(i + 1) for i in range(n_inputs)],
        "output": [str(i + 1) for i in range(n_outputs)],
        "truth": [f"true {i + 1}" for i in range(n_truth)],
    }
    for dim, labels in (given or {}).items():
        if dim not in names or len(labels) != len(names[dim]):
            raise DataError(
                f"names[{dim!r}] holds {len(labels)} names; "
                f"{', '.join(f'{len(v)} for {k}' for k, v in names.items())} are needed"
            )
        names[dim] = list(labels)
    return names
