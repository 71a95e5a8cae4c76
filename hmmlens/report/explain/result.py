"""Results of :func:`hmmlens.explain`: stores, tables and a summary in plain sentences."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pandas as pd
import xarray as xr

from hmmlens.futures.summary import Summary
from hmmlens.hmm import storage
from hmmlens.hmm.models import HiddenMarkovModel
from hmmlens.report.explain import summary_lines
from hmmlens.validation.grading.rules import Reason
from hmmlens.validation.grading.verdict import reasons_of


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
    futures : Summary or None
        Futures of the network, see :func:`hmmlens.stages.futures.compare_futures`.

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
    futures: Summary | None = field(default=None, repr=False)

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

        See :func:`hmmlens.validation.grading.evidence.judge`.

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
        return storage.chosen_model(sweep, row)

    def summary(self) -> str:
        """Return the findings in plain sentences, the states, and what likelihood chooses.

        Returns
        -------
        str
            One finding per line.
        """
        return "\n".join(summary_lines.everything(self))

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
