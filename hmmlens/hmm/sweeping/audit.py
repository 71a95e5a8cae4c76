"""What makes the fits of a sweep doubtful."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from hmmlens.hmm.selection import SampleSizes, counted
from hmmlens.stats.ties import first_best


@dataclass(frozen=True)
class AuditSettings:
    """Thresholds of :func:`audit`.

    Attributes
    ----------
    fewest_frames : int
        A state needs so many independent frames for its parameters to be known.
    frames_per_component : int
        It also needs so many for each component.
    near_best : float
        A restart agrees with the best when their likelihoods differ by less, relative to the best.
    """

    fewest_frames: int = 50
    frames_per_component: int = 5
    near_best: float = 0.01


def audit(
    results: pd.DataFrame,
    n_components: int,
    sizes: SampleSizes,
    settings: AuditSettings = AuditSettings(),
) -> pd.DataFrame:
    """Return what makes fits doubtful.

    Parameters
    ----------
    results : DataFrame
        ``results_`` of an :class:`hmmlens.HMMSweep`.
    n_components : int
        Components of a frame.
    sizes : SampleSizes
        Sample sizes of the data.
    settings : AuditSettings, optional
        Thresholds.

    Returns
    -------
    DataFrame
        One row for each (covariance_type, n_states): ``covariance_type, n_states,
        share_near_best`` (restarts whose likelihood is near the best), ``min_occupancy`` (frames
        in the rarest state), ``min_effective`` (the same, correlated frames counted once; a lower
        bound, because part of the correlation is the chain's own), ``n_floored, n_drops,
        n_broken`` and ``warning``, empty when nothing is wrong.

    Examples
    --------
    >>> import numpy as np
    >>> from hmmlens import HMMSweep
    >>> frames = np.random.default_rng(0).normal(size=(4, 10, 1))
    >>> sweep = HMMSweep([1, 3]).fit(frames)
    >>> audit(sweep.results_, 1, sweep.sample_sizes_)["n_states"].tolist()
    [1, 3]
    """
    worth = sizes.n_effective / sizes.n_frames
    rows = []
    need = max(settings.fewest_frames, settings.frames_per_component * n_components)
    for (kind, n_states), group in results.groupby(["covariance_type", "n_states"], sort=False):
        fitted = group[group["log_likelihood"].notna()]
        row: dict[str, object] = {"covariance_type": kind, "n_states": n_states}
        row["n_broken"] = len(group) - len(fitted)
        doubts = []
        if len(fitted) < len(group):
            doubts.append(f"{len(group) - len(fitted)} of {len(group)} restarts broke down")
        if len(fitted):
            likelihood = fitted["log_likelihood"]
            best = fitted.iloc[first_best(likelihood)]
            near = likelihood >= best["log_likelihood"] - settings.near_best * abs(
                best["log_likelihood"]
            )
            row |= {
                "share_near_best": float(near.mean()),
                "min_occupancy": float(best["min_occupancy"]),
                "min_effective": worth * float(best["min_occupancy"]),
                "n_floored": int(best["n_floored"]),
                "n_drops": int(fitted["n_drops"].sum()),
            }
            if len(fitted) > 1 and near.sum() == 1:
                doubts.append(
                    f"no other restart comes within {100 * settings.near_best:g} % of the best "
                    "likelihood"
                )
            if worth * best["min_occupancy"] < need:
                doubts.append(
                    f"a state holds {best['min_occupancy']:.0f} frames, worth "
                    f"{worth * best['min_occupancy']:.0f} independent ones; {need} are needed"
                )
            if best["n_floored"]:
                doubts.append(
                    f"{counted(best['n_floored'], 'direction')} without width but the floor"
                )
            if row["n_drops"]:
                doubts.append(f"the likelihood fell in {counted(row['n_drops'], 'step')} of EM")
        rows.append(row | {"warning": "; ".join(doubts)})
    return pd.DataFrame(rows)
