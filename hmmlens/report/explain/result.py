"""Results of :func:`hmmlens.explain`: stores, tables and a summary in plain sentences."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from hmmlens import user_text
from hmmlens.hmm import storage
from hmmlens.hmm.models import HiddenMarkovModel
from hmmlens.naming import state_name
from hmmlens.report.explain import gather, state_words, transition_tables
from hmmlens.report.explain.agreement_words import chance_words
from hmmlens.report.explain.answers import answer
from hmmlens.report.explain.findings import FIDELITY, choice_sentence
from hmmlens.report.explain.roles import ROLE_NAMES, ROLES
from hmmlens.report.explain.tables import CONTROL_ROLES
from hmmlens.report.wording import number
from hmmlens.validation.rules import Reason
from hmmlens.validation.verdict import CERTIFIED, reasons_of

#: A fidelity within this of another one is as high.
CLOSE = 0.02


class Layer(NamedTuple):
    """Results of the layer of one network, each part as the workflow stores it.

    Attributes
    ----------
    activations : DataTree
        See :func:`hmmlens.extract`.
    reducer : str
        Name of the reduction, such as ``pca-8``.
    reduced, sweep, states : Dataset
        Stores of the kinds ``reduced``, ``sweep`` and ``explanation``.
    scores, choices : DataFrame
        See :func:`hmmlens.validation.scorecard.score_layer`.
    others : mapping of str to tuple of Dataset
        The ``reduced`` and the ``sweep`` store of each reduction that was not chosen.
    """

    activations: xr.DataTree
    reducer: str
    reduced: xr.Dataset
    sweep: xr.Dataset
    scores: pd.DataFrame
    choices: pd.DataFrame
    states: xr.Dataset
    others: Mapping[str, tuple[xr.Dataset, xr.Dataset]] = MappingProxyType({})


@dataclass(frozen=True)
class Explanation:
    """Results of :func:`hmmlens.explain`.

    Attributes
    ----------
    sequences : Dataset
        Input of the network, with the truth and the split; a ``sequences`` store without targets.
    layer : str
        The layer that is explained.
    layers : mapping of str to Layer
        ``trained`` and, if there is one, ``untrained`` -> results of its layer.
    raw : mapping of str to tuple of Dataset
        The controls on the inputs: reduction -> its ``reduced`` and its ``sweep`` store, see
        :func:`hmmlens.naming.raw_variants`.
    tables : mapping of str to DataFrame
        Name -> table, those that a study's report has of each layer.
    about : mapping of str to object
        The arguments of :func:`hmmlens.explain`.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from hmmlens import explain
    >>> values = np.random.default_rng(0).normal(size=(20, 30, 2))
    >>> network = torch.nn.GRU(2, 6, batch_first=True)
    >>> explanation = explain(
    ...     network, values, outputs="values", n_states=[1, 2], n_restarts=1, untrained=None,
    ...     settings={"controls": {"raw_input": False}},
    ... )
    >>> explanation.layer, sorted(explanation.layers)
    ('rnn', ['trained'])
    >>> explanation.scores["n_states"].unique().tolist()
    [1, 2]
    """

    sequences: xr.Dataset = field(repr=False)
    layer: str
    layers: Mapping[str, Layer] = field(repr=False)
    raw: Mapping[str, tuple[xr.Dataset, xr.Dataset]] = field(repr=False)
    tables: Mapping[str, pd.DataFrame] = field(repr=False)
    about: Mapping[str, Any]

    @property
    def activations(self) -> xr.DataTree:
        """Recorded activations, see :func:`hmmlens.extract`.

        Returns
        -------
        DataTree
            A node for each layer.
        """
        return self.layers["trained"].activations

    @property
    def scores(self) -> pd.DataFrame:
        """One row per role and model.

        The columns ``role, covariance_type, n_states, fidelity_select, fidelity_test`` and, with a
        truth, ``ari, nmi, accuracy`` with intervals.

        Returns
        -------
        DataFrame
            Of models at the same step, on the select and on the test split.
        """
        return self.tables["by_count"]

    @property
    def choices(self) -> pd.DataFrame:
        """Models chosen by BIC, and to be explained (``explained``), with their scores.

        Returns
        -------
        DataFrame
            One row per pick.
        """
        choices = self.layers["trained"].choices
        return choices[choices["chosen_reducer"]].reset_index(drop=True)

    @property
    def verdict(self) -> pd.Series:
        """Whether the layer holds discrete states: ``grade``, ``sentence``, ``reasons``, numbers.

        See :func:`hmmlens.validation.evidence.judge`.

        Returns
        -------
        Series
            One entry per number of the verdict.
        """
        return self.tables["verdicts"].iloc[0]

    @property
    def reasons(self) -> list[Reason]:
        """Reasons of the verdict.

        Returns
        -------
        list of Reason
            Each rule with its number, its threshold, and the outcome.
        """
        return reasons_of(self.verdict)

    @property
    def states(self) -> xr.Dataset:
        """Interpretation of the states of the chosen models.

        See :func:`hmmlens.interpretation.states.read_picks`.

        Returns
        -------
        Dataset
            With a dimension ``pick``.
        """
        return self.layers["trained"].states

    def model(self, pick: str = "explained") -> HiddenMarkovModel:
        """Return a chosen model: the one that is explained, or the one that BIC chooses.

        Parameters
        ----------
        pick : str
            ``explained`` or ``bic``; see :func:`hmmlens.validation.scorecard.choices`.

        Returns
        -------
        HiddenMarkovModel
            The fitted model.
        """
        if pick == "compact":
            warnings.warn(
                "the model 'compact' is now 'explained'", DeprecationWarning, stacklevel=2
            )
            pick = "explained"
        row = self.choices[self.choices["pick"] == pick].iloc[0]
        sweep = self.layers["trained"].sweep
        return storage.model(sweep, row["covariance_type"], int(row["n_states"]))

    def summary(self) -> str:
        """Return the findings in plain sentences, and the states of the explained model.

        Returns
        -------
        str
            One finding per line.
        """
        return "\n".join(user_text.line(line) for line in [*self._findings(), *self._states()])

    def _findings(self) -> list[str]:
        error = float(self.activations.attrs["replay_error"])
        replayed = (
            f"the network reproduces its recorded states up to {error:.1g}"
            if np.isfinite(error)
            else "its recorded states could not be verified by replay"
        )
        hidden = [self.activations[name]["hidden"] for name in self.layer.split("+")]
        n_sequences, n_steps = hidden[0].shape[:2]
        n_units = sum(array.shape[2] for array in hidden)
        of = self.sequences.sizes["sequence"]
        recorded = f"{n_sequences} {f'of {of} ' if of > n_sequences else ''}sequences"
        criterion = str(self.choices["pick"].iloc[0])
        given = answer(self.verdict.to_dict())
        lines = [
            f"Layer {self.layer}{self._which(len(hidden))}: {n_units} units, {recorded} of up to "
            f"{n_steps} steps; {replayed}.",
            *([self.sequences.attrs["cut"]] if "cut" in self.sequences.attrs else []),
            f"Verdict: {self.verdict['sentence']}",
            f"What shows it: {given.evidence}",
            f"What this does not show: {given.limit}",
            "The tests of the verdict:",
            *(f"- {reason.statement}" for reason in self.reasons),
            choice_sentence(self.choices, criterion),
        ]
        if "unseen_symbols_note" in self.sequences.attrs:
            lines.insert(1, self.sequences.attrs["unseen_symbols_note"])
        compact = self.choices[self.choices["pick"] == "explained"].iloc[0]
        n_compact, n_true = int(compact["n_states"]), len(self.sequences.attrs["state_names"])
        # States are compared with two labels or more.
        for n_states in dict.fromkeys([n_compact, n_true] if n_true > 1 else [n_compact]):
            same = self.scores[
                (self.scores["n_states"] == n_states)
                & self.scores["covariance_type"].isin([compact["covariance_type"], "none"])
            ].set_index("role")
            at = f"the true {n_states}" if n_states == n_true > 1 else f"{n_states}"
            at += " state" if n_states == 1 else " states"
            for score, words in (
                ("fidelity_test", FIDELITY),
                ("ari", "agreement with the truth (adjusted Rand index, ARI)"),
            ):
                if score not in same or same[score].isna().all():
                    continue
                scores = ", ".join(
                    f"{ROLE_NAMES[r]} {number(same.loc[r, score])}"
                    + (" (of its own output)" if r == "untrained" and score != "ari" else "")
                    for r in ROLES
                    if r in same.index
                )
                if score == "ari":
                    scores = "; ".join([scores, *chance_words(same.loc[["trained"]])])
                lines.append(f"At {at}, {words}: {scores}.")
                others = [same.loc[r, score] for r in CONTROL_ROLES if r in same.index]
                if (
                    score == "fidelity_test"
                    and self.verdict["grade"] != CERTIFIED
                    and max(others, default=-np.inf) >= same.loc["trained", score] - CLOSE
                ):
                    lines.append(
                        "A model of the inputs alone predicts the present output as well, so these "
                        "regions are no evidence of memory; the verdict does not rest on them."
                    )
        if "ari" not in self.scores and "null" in self.scores:
            reason = str(self.scores["null"].dropna().iloc[0])
            lines.append(f"{reason[0].upper()}{reason[1:]}.")
        return lines

    def _which(self, n_nodes: int) -> str:
        """Return how the layer was chosen, and what is taken together in it."""
        remarks = []
        if self.about["layer"] is None and len(self.activations.children) > n_nodes:
            remarks.append("the last layer of the forward pass")
        if n_nodes > 1:
            layers = [list(names) for names in self.activations.attrs["layers"]]
            both = self.layer.split("+") in layers
            remarks.append("both directions together" if both else f"{n_nodes} taken together")
        return f" ({', '.join(remarks)})" if remarks else ""

    def _states(self) -> list[str]:
        names = gather.read_axis_names(self.sequences.attrs)
        reading = self.states.isel(pick=list(self.states.attrs["picks"]).index("explained"))
        kind = "State" if self.verdict["grade"] == CERTIFIED else "Region"
        lines = [
            f"What each input does: {effects}."
            for effects in (transition_tables.event_words(reading),)
            if effects
        ]
        lines += [line for line in (transition_tables.entropy_sentence(reading),) if line]
        for k in range(int(reading["n_states"])):
            state = reading.isel(state=k)
            parts = [
                f"{kind} {state_name(k)}: {100 * float(state['occupancy']):.0f} % of steps",
                f"mean dwell {state_words.dwell(state)}",
            ]
            if waits := transition_tables.neutral_dwell(reading, k):
                condition = transition_tables.neutral_condition(reading)
                parts.append(f"while {condition}: {waits}")
            parts += [
                f"{block}: {state_words.distinctive(state, block, names, self.sequences.attrs)}"
                for block in ("input", "output")
            ]
            if moves := transition_tables.moves(reading, k):
                parts.append(f"next state {moves}")
            lines.append("; ".join(parts) + ".")
        return lines

    def __str__(self) -> str:
        """Return the summary."""
        return self.summary()

    def _repr_html_(self) -> str:
        """Return findings, figures and tables for a notebook."""
        from hmmlens.report.explain import page

        return page.render_body(self, page.render_figures(self))

    def to_html(self, path: str | Path) -> None:
        """Write the findings, figures and tables to one HTML file that needs nothing else.

        Parameters
        ----------
        path : str or Path
            The HTML file.

        Raises
        ------
        StoreError
            When there is a file that this method did not write, or one that was changed since; or
            the system refuses to write.
        """
        from hmmlens.io import pages, writing
        from hmmlens.report.explain import page

        file = writing.resolved(path)
        pages.check_page(file)
        page.write_page(self, file, page.render_figures(self))

    def save(self, out: str | Path) -> None:
        """Write everything to a folder, which appears when it is whole: see the README.

        Parameters
        ----------
        out : str or Path
            The folder.

        Raises
        ------
        StoreError
            When ``out`` holds anything but a former explanation as hmmlens wrote it; when another
            process is writing there, or the system refuses to write.
        """
        from hmmlens.report.explain import folder

        with folder.open_workspace(out) as work:
            assert work is not None
            folder.write_explanation(self, work)
