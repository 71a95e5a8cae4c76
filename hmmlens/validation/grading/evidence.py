"""Measure the numbers that the verdict on one network rests on, and give the verdict."""

from __future__ import annotations

from typing import Any

import numpy as np

from hmmlens import arguments
from hmmlens.deprecation import renamed_parameters
from hmmlens.dynamics.endpoints import Endpoints
from hmmlens.futures.summary import Summary
from hmmlens.ragged import steps_inside
from hmmlens.stats.scaling import scaled
from hmmlens.typing import Floats
from hmmlens.validation.baselines import codebook, linear
from hmmlens.validation.forecast_errors import output_sentence
from hmmlens.validation.grading import state_count
from hmmlens.validation.grading.measurements import COMPONENTS, Measurements, fit_states, measure
from hmmlens.validation.grading.numbers import NUMBERS, Evidence
from hmmlens.validation.grading.recorded import (
    DEFAULT_SETTINGS,
    EvidenceSettings,
    Losses,
    Recorded,
    warm_up,
)
from hmmlens.validation.grading.rules import DEFAULT, Thresholds
from hmmlens.validation.grading.verdict import Verdict, decide, without_gate

#: Fields of the distribution of the number of states that become columns.
COUNT_FIELDS = ("mode", "low", "high", "at_edge", "sentence")
#: With the default horizon, the columns of R2 of each output begin with this.
BY_OUTPUT = "fidelity_5_output_"


@renamed_parameters(seed="random_state", settled="endpoints")
def judge(
    recorded: Recorded,
    losses: Losses,
    endpoints: Endpoints | None,
    random_state: Any,
    reservoir_grade: str | None = None,
    thresholds: Thresholds = DEFAULT,
    settings: EvidenceSettings = DEFAULT_SETTINGS,
    futures: Summary | None = None,
) -> tuple[dict[str, Any], Verdict]:
    """Return all numbers of one network as one row, and its verdict.

    Parameters
    ----------
    recorded : Recorded
        The layer.
    losses : Losses
        Test losses; NaN where the task is not known.
    endpoints : Endpoints or None
        Endpoints of the autonomous dynamics; None where the weights or a neutral input are not
        available.
    random_state : int, RandomState, Generator or None
        Seed of k-means and of resampling; None for a fresh one.
    reservoir_grade : str, optional
        See :func:`hmmlens.validation.grading.verdict.decide`.
    thresholds : Thresholds, optional
        Thresholds of the rules.
    settings : EvidenceSettings, optional
        Settings of the measurements.
    futures : Summary, optional
        Futures of the network, see :func:`hmmlens.stages.futures.compare_futures`. Without them
        the highest grade is "consistent with D".

    Returns
    -------
    row : dict of str to Any
        The numbers of :data:`hmmlens.validation.grading.numbers.NUMBERS`; ``gap_closed``;
        ``space`` in which the states were found; ``closed_loop``, R2 of the HMM when its states are
        inferred once; ``fidelity_h`` of the input-driven HMM for h = 0 to 5, of the k-means chain
        with as many cells (``codebook_h``) and of the linear baseline (``linear_h``), all on test;
        ``hmm_gain_5, hmm_gain_5_low, hmm_gain_5_high``, how much higher the former is than that of
        the k-means chain five steps ahead, over resamples of test sequences;
        ``fidelity_5_output_N`` of output N (from 1), ``worst_output``, the number of the one that
        is predicted worst, and ``outputs_sentence`` where it is far below the pooled R2;
        ``fidelity_fewer, fidelity_more`` of the HMM with one state less and one more, ``repeated``
        in words; ``count_*`` of :class:`hmmlens.validation.grading.state_count.CountDistribution`,
        and ``count_share_N`` for each number N, where select holds two sequences or more;
        ``grade_without_gate`` (competence not tested); ``grade, supported, input_driven, sentence,
        reasons``.
    verdict : Verdict
        The grade and its reasons.

    Raises
    ------
    DataError
        When a split is empty or too short, no unit varies, or ``random_state`` is no seed.

    Examples
    --------
    A counter modulo 3 that pulses drive, and ten units that hold its count:

    >>> import numpy as np
    >>> from hmmlens.validation.grading.recorded import Losses, Recorded
    >>> rng = np.random.default_rng(0)
    >>> pulses = (rng.random((50, 80)) < 0.15).astype(int)
    >>> output = np.eye(3)[pulses.cumsum(axis=1) % 3] + 0.01 * rng.normal(size=(50, 80, 3))
    >>> hidden = output @ rng.normal(size=(3, 10)) + 0.02 * rng.normal(size=(50, 80, 10))
    >>> split = np.repeat([0, 0, 0, 1, 2], 10)
    >>> layer = Recorded(hidden, output, pulses, np.full(50, 80), split)
    >>> row, verdict = judge(layer, Losses(0.1, 1.0), None, random_state=0)
    >>> verdict.grade, row["n_states"]
    ('consistent with D', 3)
    """
    seed = arguments.seed(random_state)
    measured = measure(recorded, losses, endpoints, seed, thresholds, settings, futures)
    evidence = Evidence(**{name: number.measure(measured) for name, number in NUMBERS.items()})
    verdict = decide(evidence, reservoir_grade, thresholds)
    row: dict[str, Any] = {**evidence, "gap_closed": evidence.gap_closed}
    row |= {"space": measured.best_space, "closed_loop": measured.best_fit.closed_loop}
    row |= (
        _curves(measured)
        | _by_output(measured, seed)
        | _neighbours(measured, seed)
        | _counts(measured, seed)
    )
    row["grade_without_gate"] = without_gate(evidence, thresholds)
    return row | verdict.row(), verdict


def _curves(measured: Measurements) -> dict[str, float]:
    """Return the columns of R2 over the steps ahead: of the HMM and of two baselines."""
    fit = measured.best_fit
    scores = {"fidelity": fit.test, "codebook": fit.codebook_test, "linear": _linear(measured)}
    return {f"{name}_{h}": float(f) for name, curve in scores.items() for h, f in enumerate(curve)}


def _by_output(measured: Measurements, seed: int) -> dict[str, Any]:
    """Return the columns of R2 of each output, and of what the HMM adds to the k-means chain."""
    horizon, errors = measured.settings.horizon, measured.best_fit.errors
    gain = errors.gain(measured.settings.n_bootstrap, np.random.default_rng(seed))
    scores = errors.by_output
    known = np.isfinite(scores).any()
    row: dict[str, Any] = {
        f"hmm_gain_{horizon}": gain.value,
        f"hmm_gain_{horizon}_low": gain.low,
        f"hmm_gain_{horizon}_high": gain.high,
        "worst_output": int(np.nanargmin(scores)) + 1 if known else np.nan,
        "outputs_sentence": output_sentence(scores, measured.states_fidelity),
    }
    return row | {
        f"fidelity_{horizon}_output_{k}": float(score) for k, score in enumerate(scores, 1)
    }


def _linear(measured: Measurements) -> Floats:
    """Return the R2 (h) of the linear baseline on test; symbols are one-hot inputs."""
    recorded, data = measured.recorded, measured.data
    if recorded.inputs.ndim == 2:
        inputs = codebook.one_hot(data.classes, data.n_classes)
    else:
        inside = steps_inside(recorded.length, *recorded.distribution.shape[:2])
        skip = warm_up(recorded, measured.settings)
        inputs = scaled(recorded.inputs, inside, recorded.split == 0)[:, skip:]
    return linear.fidelity_curve(
        measured.spaces[COMPONENTS], inputs, data.distribution, data.masks["train"],
        data.masks["test"], data.average, measured.settings.horizon,
    )  # fmt: skip


def _neighbours(measured: Measurements, seed: int) -> dict[str, Any]:
    """Return the columns of the fidelity with one state less and one more."""
    space, n = measured.spaces[measured.best_space], measured.n_states
    near = {n: measured.states_fidelity}
    for count in (n - 1, n + 1):
        if count >= 1:
            fit = fit_states(space, measured.data, count, seed, measured.settings)
            near[count] = float(fit.test[measured.settings.horizon])
    return {
        "fidelity_fewer": near.get(n - 1, np.nan),
        "fidelity_more": near.get(n + 1, np.nan),
        "repeated": state_count.repeated(near, n, measured.thresholds.fidelity),
    }


def _counts(measured: Measurements, seed: int) -> dict[str, Any]:
    """Return the columns of the distribution of the number of states, where there is one."""
    curve = measured.best_curve
    if len(curve.by_sequence) < 2:
        return {}
    spread = state_count.distribution(
        curve.counts, [curve.by_sequence], measured.settings.n_bootstrap,
        np.random.default_rng(seed),
    )  # fmt: skip
    columns = {f"count_{name}": getattr(spread, name) for name in COUNT_FIELDS}
    shares = zip(spread.counts, spread.share, strict=True)
    return columns | {f"{state_count.SHARE}{n}": float(part) for n, part in shares}
