"""Verdict: whether a layer holds discrete states."""

from __future__ import annotations

from typing import Any

from hmmlens.dynamics.endpoints import Endpoints
from hmmlens.futures.summary import Summary
from hmmlens.validation.grading import evidence, verdict_inputs
from hmmlens.validation.grading.recorded import DEFAULT_SETTINGS, EvidenceSettings, Losses, Recorded


def judge_layer(
    recorded: Recorded,
    losses: Losses,
    settled: Endpoints | None,
    seed: int,
    reservoir_grade: str | None = None,
    settings: EvidenceSettings = DEFAULT_SETTINGS,
    required: bool = False,
    futures: Summary | None = None,
) -> dict[str, Any]:
    """Return the numbers and the verdict of a layer as one row.

    Parameters
    ----------
    recorded : Recorded
        See :func:`hmmlens.validation.grading.verdict_inputs.recorded`.
    losses : Losses
        Losses of the network, which decide whether it is competent.
    settled : Endpoints or None
        See :func:`hmmlens.stages.endpoints.find_endpoints`.
    seed : int
        Seed of k-means and of the resamples.
    reservoir_grade : str, optional
        Grade of the same network before training, with a fitted readout.
    settings : EvidenceSettings
        Settings of the measurements.
    required : bool
        Whether a recording that does not allow a verdict is an error.
    futures : Summary, optional
        See :func:`hmmlens.stages.futures.compare_futures`.

    Returns
    -------
    dict
        See :func:`hmmlens.validation.grading.evidence.judge`. Where the recording does not allow a
        verdict, the row holds the reason.

    Raises
    ------
    DataError
        When a verdict is required and the recording does not allow one.
    """
    if required:
        return evidence.judge(
            recorded, losses, settled, seed, reservoir_grade, settings=settings, futures=futures
        )[0]
    return verdict_inputs.judged(
        recorded, losses, settled, seed, reservoir_grade, settings, futures
    )
