"""Fit codebooks and input-driven HMMs to one layer: what the numbers of a verdict are read from.

State counts are chosen on the select split and scored on test; states are known by filtering.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from hmmlens.dynamics.endpoints import Endpoints
from hmmlens.futures.summary import Summary
from hmmlens.hmm import input_classes, input_driven
from hmmlens.hmm.selection import smallest_count_near_best
from hmmlens.interpretation.state_probabilities import state_outputs
from hmmlens.stats.ties import first_best
from hmmlens.typing import Floats
from hmmlens.validation import closed_loop, fidelity
from hmmlens.validation.baselines import codebook
from hmmlens.validation.baselines.codebook import Curve
from hmmlens.validation.forecast_errors import ForecastErrors, forecast_errors
from hmmlens.validation.grading.recorded import (
    DEFAULT_SETTINGS,
    EvidenceSettings,
    Losses,
    Recorded,
    prepare,
)
from hmmlens.validation.grading.rules import Thresholds
from hmmlens.validation.input_output import InputOutput

#: The spaces in which states are sought, as the column ``space`` names them.
OUTPUT, COMPONENTS = "output law", "components"


class States(NamedTuple):
    """An input-driven HMM of one space and the k-means chain from which it was initialised.

    Attributes
    ----------
    model : InputDrivenHMM
        The fitted model.
    means : ndarray of shape (state, output)
        Mean output of each state.
    select, test, codebook_test : ndarray of shape (horizon + 1,)
        R2 of the free run over the steps ahead; ``codebook_test`` is that of the k-means chain.
    closed_loop : float
        R2 on test when states are inferred at the first step and then run to the end.
    flicker : float
        Share of test frames in which no state is clear.
    errors : ForecastErrors
        Squared errors at the horizon on test, by sequence and output.
    """

    model: input_driven.InputDrivenHMM
    means: Floats
    select: Floats
    test: Floats
    codebook_test: Floats
    closed_loop: float
    flicker: float
    errors: ForecastErrors


class Measurements(NamedTuple):
    """The measurements of one network, from which the numbers of the verdict are read.

    Attributes
    ----------
    recorded : Recorded
        The layer.
    losses : Losses
        Test losses.
    endpoints : Endpoints or None
        None where the weights or a neutral input are not available.
    data : InputOutput
        Inputs and outputs without the warm-up.
    spaces : mapping of str to ndarray of shape (sequence, time, component)
        The spaces :data:`OUTPUT` and :data:`COMPONENTS`.
    curves : mapping of str to Curve
        Fidelity of the codebooks of each space.
    n_states : int
        Number of states.
    fits : mapping of str to States
        The input-driven HMM of each space with ``n_states`` states.
    thresholds : Thresholds
        Thresholds of the rules.
    settings : EvidenceSettings
        Settings of the measurements.
    futures : Summary or None
        None where the network could not be continued.
    """

    recorded: Recorded
    losses: Losses
    endpoints: Endpoints | None
    data: InputOutput
    spaces: Mapping[str, Floats]
    curves: Mapping[str, Curve]
    n_states: int
    fits: Mapping[str, States]
    thresholds: Thresholds
    settings: EvidenceSettings
    futures: Summary | None = None

    @property
    def best_space(self) -> str:
        """Return the space whose input-driven HMM is most faithful on select.

        Returns
        -------
        str
            The space whose input-driven HMM is most faithful on select.
        """
        return max(self.fits, key=lambda name: self.fits[name].select[self.settings.horizon])

    @property
    def best_fit(self) -> States:
        """Return the input-driven HMM that is most faithful on select.

        Returns
        -------
        States
            The input-driven HMM that is most faithful on select.
        """
        return self.fits[self.best_space]

    @property
    def best_curve(self) -> Curve:
        """Return the curve whose best codebook is most faithful on select.

        Returns
        -------
        Curve
            The curve whose best codebook is most faithful on select.
        """
        horizon = self.settings.horizon
        return max(self.curves.values(), key=lambda curve: curve.select[:, horizon].max())

    @property
    def states_fidelity(self) -> float:
        """Return the R2 of the best input-driven HMM at the horizon on test.

        Returns
        -------
        float
            The R2 of the best input-driven HMM at the horizon on test.
        """
        return float(self.best_fit.test[self.settings.horizon])

    @property
    def few_states_fidelity(self) -> float:
        """Return the R2 at the horizon on test of the codebook of few cells that select prefers.

        Both spaces compete with their codebooks of few cells alone, so that a space that needs many
        cells does not stand for one that needs few.

        Returns
        -------
        float
            The R2 at the horizon on test of the codebook of few cells that select prefers.
        """
        horizon, most = self.settings.horizon, self.thresholds.most_states
        pairs = [
            (curve.select[i, horizon], curve.test[i, horizon])
            for curve in self.curves.values()
            for i in np.flatnonzero(curve.counts <= most)
        ]
        return float(pairs[first_best([select for select, _ in pairs])][1])

    @property
    def resolution(self) -> int:
        """Return the fewest cells whose fidelity on select is close to the best.

        Returns
        -------
        int
            The fewest cells whose fidelity on select is close to the best.
        """
        curve, settings = self.best_curve, self.settings
        return smallest_count_near_best(
            curve.counts, curve.select[:, settings.horizon], settings.fidelity_tolerance
        )

    def elbow(self, space: str) -> float:
        """Return the elbow, in bits, of the codebooks of a space at ``n_states``.

        Parameters
        ----------
        space : str
            :data:`OUTPUT` or :data:`COMPONENTS`.

        Returns
        -------
        float
            Elbow.
        """
        curve = self.curves[space]
        return codebook.elbow(curve.counts, curve.select[:, 0], self.n_states)


def measure(
    recorded: Recorded,
    losses: Losses,
    endpoints: Endpoints | None,
    seed: int,
    thresholds: Thresholds,
    settings: EvidenceSettings,
    futures: Summary | None = None,
) -> Measurements:
    """Return the measurements of one network.

    Parameters
    ----------
    recorded : Recorded
        The layer.
    losses : Losses
        Test losses.
    endpoints : Endpoints or None
        Endpoints of the autonomous dynamics, where they are known.
    seed : int
        Seed of k-means.
    thresholds : Thresholds
        Thresholds of the rules.
    settings : EvidenceSettings
        Settings of the measurements.
    futures : Summary, optional
        Futures of the network.

    Returns
    -------
    Measurements
        Codebooks of all sizes and the fits with one number of states.
    """
    data, space = prepare(recorded, seed, settings)
    spaces = {OUTPUT: data.distribution, COMPONENTS: space}
    curves = {
        name: codebook.curve(points, data, settings.horizon, seed, settings.codebook)
        for name, points in spaces.items()
    }
    n_states = _n_states(curves[OUTPUT], endpoints, thresholds, futures)
    fits = {
        name: fit_states(points, data, n_states, seed, settings) for name, points in spaces.items()
    }
    return Measurements(
        recorded, losses, endpoints, data, spaces, curves, n_states, fits, thresholds, settings,
        futures,
    )  # fmt: skip


def fit_states(
    space: Floats,
    data: InputOutput,
    n_states: int,
    seed: int,
    settings: EvidenceSettings = DEFAULT_SETTINGS,
) -> States:
    """Fit a tied HMM with input-conditioned transitions, initialised by k-means cells.

    Parameters
    ----------
    space : ndarray of shape (sequence, time, component)
        Observations.
    data : InputOutput
        Inputs and outputs.
    n_states : int
        Number of states.
    seed : int
        Seed of k-means.
    settings : EvidenceSettings, optional
        The horizon, when a state is clear, and settings of k-means.

    Returns
    -------
    States
        The fit.
    """
    horizon = settings.horizon
    book = codebook.fit(space, data, n_states, seed, settings.codebook)
    train = data.masks["train"]
    rows = train.any(axis=1)
    length = train[rows].sum(axis=1)
    labelled = space[rows], book.states[rows], data.classes[rows], train[rows]
    counts = input_classes.transitions(*labelled[1:], n_states, data.n_classes)
    parts = data.parts if input_classes.composes(counts, data.parts) else ()
    start = input_driven.from_states(*labelled, n_states, data.n_classes, parts=parts)
    model, _ = input_driven.fit(space[rows], data.classes[rows], start, length, parts=parts)
    everywhere = np.logical_or.reduce(list(data.masks.values()))
    length = everywhere.sum(axis=1)
    posteriors = np.zeros((*space.shape[:2], n_states))
    known = length > 0
    posteriors[known] = model.filter(space[known], data.classes[known], length[known]).posteriors
    means = state_outputs(posteriors[rows], data.distribution[rows])

    cells = codebook.one_hot(book.states, n_states)
    test = data.masks["test"]
    rows = test.any(axis=1)
    run = closed_loop.read_once(posteriors[rows, 0], model.transmat, data.classes[rows]) @ means
    return States(
        model,
        means,
        codebook.score(data, "select", posteriors, model.transmat, means, horizon),
        codebook.score(data, "test", posteriors, model.transmat, means, horizon),
        codebook.score(data, "test", cells, book.transmat, book.means, horizon),
        fidelity.fidelity(data.distribution[test], run[test[rows]], data.average, "values"),
        float((posteriors[test].max(axis=1) < settings.clear).mean()),
        forecast_errors(data, posteriors, model.transmat, means, book, horizon),
    )


def _n_states(
    curve: Curve, endpoints: Endpoints | None, thresholds: Thresholds, futures: Summary | None
) -> int:
    """Return the number of classes of futures; else of few endpoints, or of the highest elbow."""
    most = thresholds.most_states
    if futures is not None and futures.numbers["n_classes"] > 1:
        return int(futures.numbers["n_classes"])
    if endpoints is not None and 2 <= endpoints.n_coarse <= most:
        return int(endpoints.n_coarse)
    counts: list[int] = [n for n in curve.counts.tolist() if 2 <= n <= most]
    heights = [codebook.elbow(curve.counts, curve.select[:, 0], n) for n in counts]
    return counts[first_best(heights)]
