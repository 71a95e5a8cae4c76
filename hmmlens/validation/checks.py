"""Checks of a chosen model: whether its states are a Markov chain, calibrated, and discrete.

Each check is a row with its number, that of a baseline or of chance, and a sentence. Where a
recording does not allow a check, the sentence states it. Checks against chance are in
:mod:`hmmlens.validation.null_tests`, of the stability of states in
:mod:`hmmlens.validation.stability`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from hmmlens.errors import DataError
from hmmlens.hmm.autoregressive import ARHMM
from hmmlens.naming import state_name
from hmmlens.stats import calibration, dwell, markov_tests
from hmmlens.stats.bootstrap import Estimate, estimate
from hmmlens.stats.permutation import changes
from hmmlens.stats.surrogates import benjamini_hochberg
from hmmlens.validation import null_tests, stability
from hmmlens.validation.baselines import codebook, linear
from hmmlens.validation.chosen_model import (
    DEFAULT_CHECKS,
    Check,
    CheckFunction,
    CheckSettings,
    Chosen,
    unknown,
)
from hmmlens.validation.forecast import free_run

#: Why a path without transitions cannot be tested.
UNCHANGED = "Its states never change within a sequence, so that there are no transitions to test."


def chapman_kolmogorov(
    chosen: Chosen, rng: np.random.Generator, settings: CheckSettings = DEFAULT_CHECKS
) -> Check:
    """Test whether the path moves over several steps as its own transitions predict.

    Parameters
    ----------
    chosen : Chosen
        The chosen model.
    rng : numpy.random.Generator
        Source of the null.
    settings : CheckSettings, optional
        Settings of the checks.

    Returns
    -------
    Check
        The largest defect.
    """
    if not changes(chosen.path):
        return unknown(UNCHANGED)
    steps = tuple(m for m in settings.steps if m < int(chosen.length.max()))
    table = markov_tests.chapman_kolmogorov(
        chosen.path, chosen.n_states, settings.n_draws, rng, steps
    )
    worst = table.loc[table["p"].idxmin()]
    p = float(benjamini_hochberg(table["p"]).min())
    outcome = (
        "no sign of a longer memory" if p >= settings.level else "the path is not a Markov chain"
    )
    text = (
        f"After {worst['steps']:.0f} steps the states are off by {worst['defect']:.3f} from what "
        f"their transitions say; a Markov chain is by up to {worst['null_high']:.3f}: {outcome}."
    )
    named = f"defect after {worst['steps']:.0f} steps"
    interval = worst["null_low"], worst["null_high"]
    return Check("", named, worst["defect"], *interval, p, p >= settings.level, text)


def second_order(
    chosen: Chosen, rng: np.random.Generator, settings: CheckSettings = DEFAULT_CHECKS
) -> Check:
    """Test whether the state before the present one is informative about the next.

    Parameters
    ----------
    chosen : Chosen
        The chosen model.
    rng : numpy.random.Generator
        Source of the shuffles.
    settings : CheckSettings, optional
        Settings of the checks.

    Returns
    -------
    Check
        The conditional mutual information in nats.
    """
    if not changes(chosen.path):
        return unknown(UNCHANGED)
    found = markov_tests.order_test(chosen.path, chosen.n_states, settings.n_shuffles, rng)
    holds = found.p >= settings.level
    text = (
        f"The state before tells {found.information:.4f} nats of the next one beyond the present "
        f"one (p {found.p:.2g}): {'no sign of a longer memory' if holds else 'a longer memory'}."
    )
    return Check("", "nats", found.information, np.nan, np.nan, found.p, holds, text)


def timescales(
    chosen: Chosen, rng: np.random.Generator, settings: CheckSettings = DEFAULT_CHECKS
) -> Check:
    """Test whether the slowest timescale of the path depends on the lag.

    Parameters
    ----------
    chosen : Chosen
        The chosen model.
    rng : numpy.random.Generator
        Source of the resamples.
    settings : CheckSettings, optional
        Settings of the checks.

    Returns
    -------
    Check
        The slowest timescale in steps.
    """
    if chosen.n_states < 2:
        return unknown("One state has no timescale.")
    table = markov_tests.implied_timescales(
        chosen.path, chosen.n_states, (1, settings.lag), settings.n_draws, rng
    )
    slow = table[table["process"] == 1].set_index("lag")
    now, later = slow.loc[1], slow.loc[settings.lag]
    if not np.isfinite([now["value"], later["value"]]).all():
        return unknown("The path has no slowest timescale: a state is never left.")
    flat = bool(later["low"] <= now["high"] and now["low"] <= later["high"])
    text = (
        f"Its slowest timescale is {now['value']:.1f} steps at a lag of 1 and {later['value']:.1f} "
        f"({later['low']:.1f} to {later['high']:.1f}) at a lag of {settings.lag}: "
        f"{'flat, as that of' if flat else 'not flat, unlike that of'} a Markov chain."
    )
    named = f"slowest timescale at a lag of {settings.lag} (steps)"
    return Check("", named, later["value"], later["low"], later["high"], np.nan, flat, text)


def dwells(
    chosen: Chosen, rng: np.random.Generator, settings: CheckSettings = DEFAULT_CHECKS
) -> Check:
    """Test whether the dwell times of states are those of a Markov chain.

    Parameters
    ----------
    chosen : Chosen
        The chosen model.
    rng : numpy.random.Generator
        Source of the samples.
    settings : CheckSettings, optional
        Settings of the checks.

    Returns
    -------
    Check
        The share of states whose dwell times are not geometric.
    """
    seen = dwell.visits(chosen.path)
    kinds, ends = np.unique(seen.state[seen.ended], return_counts=True)
    tested = kinds[ends >= settings.fewest_visits]
    if not len(tested):
        return unknown(f"No state was seen to be left {settings.fewest_visits} times.")
    p = [dwell.dwell_test(seen, int(k), settings.n_draws, rng).p for k in tested]
    adjusted = benjamini_hochberg(p)
    other = [state_name(int(k)) for k in tested[adjusted < settings.level]]
    text = f"In {len(other)} of {len(tested)} states dwells are not geometric"
    text += f" ({', '.join(other)})." if other else "."
    named = "share of states whose dwells are not geometric"
    share = len(other) / len(tested)
    return Check("", named, share, np.nan, np.nan, float(adjusted.min()), not other, text)


def calibrated(
    chosen: Chosen, rng: np.random.Generator, settings: CheckSettings = DEFAULT_CHECKS
) -> Check:
    """Test whether the filtered probability of the truth is how often it is right.

    Parameters
    ----------
    chosen : Chosen
        The chosen model.
    rng : numpy.random.Generator
        Source of the resamples.
    settings : CheckSettings, optional
        Settings of the checks.

    Returns
    -------
    Check
        The expected calibration error.
    """
    train, test = chosen.split == 0, chosen.split == 2
    if not all((chosen.truth[part] >= 0).any() for part in (train, test)):
        return unknown("The truth is not known, so no probability of it can be checked.")
    n_truth = int(chosen.truth.max()) + 1
    distribution = calibration.truth_distribution(
        chosen.posteriors[train], chosen.truth[train], n_truth
    )
    predicted, truth = chosen.posteriors[test] @ distribution, chosen.truth[test]
    error = calibration.calibration_error(predicted, truth, settings.n_draws, rng, settings.n_bins)
    shares = [settings.most_certain, 1.0]
    sure, all_steps = calibration.coverage(predicted, truth, shares)["accuracy"]
    text = (
        f"What it says of the truth is off by {error.value:.2f} on average (at most "
        f"{settings.calibrated:g} wanted); it is right in {100 * all_steps:.0f} % of steps, and in "
        f"{100 * sure:.0f} % of the {100 * settings.most_certain:.0f} % of which it is surest."
    )
    holds = error.value <= settings.calibrated
    return Check("", "expected calibration error", *error, np.nan, holds, text)


def continuous_baseline(
    chosen: Chosen, rng: np.random.Generator, settings: CheckSettings = DEFAULT_CHECKS
) -> Check:
    """Test whether states predict outputs further ahead than a linear system does.

    Parameters
    ----------
    chosen : Chosen
        The chosen model.
    rng : numpy.random.Generator
        Source of the resamples.
    settings : CheckSettings, optional
        Settings of the checks.

    Returns
    -------
    Check
        The gain in R2.
    """
    data, horizon = chosen.data, chosen.horizon
    inside = data.masks["test"].copy()
    inside[:, :horizon] = False
    rows = inside.any(axis=1)
    book = codebook.counted(chosen.path, data, chosen.n_states, chosen.posteriors)
    *_, ahead = free_run(chosen.posteriors, book.transmat, data.classes, horizon)
    train = data.masks["train"]
    *_, line = linear.predictions(chosen.values, chosen.inputs, data.distribution, train, horizon)
    away = [
        (data.distribution - output) ** 2 for output in (ahead @ book.means, line, data.average)
    ]
    missed = [np.where(inside, miss.sum(axis=2), 0.0)[rows].sum(axis=1) for miss in away]
    parts = np.stack(missed, axis=1)
    gain = estimate(parts, lambda s: float((s[1] - s[0]) / s[2]), settings.n_draws, rng)
    own, other = (1 - parts[:, i].sum() / parts[:, 2].sum() for i in (0, 1))
    text = (
        f"{horizon} steps ahead its states predict the output with R2 {own:.2f}, a linear system "
        f"in the same components with {other:.2f}"
    )
    return _gain(gain, f"gain in R2, {horizon} steps ahead", text)


def likelihood(
    chosen: Chosen, rng: np.random.Generator, settings: CheckSettings = DEFAULT_CHECKS
) -> Check:
    """Test whether the model explains held-out activations better than linear dynamics do.

    Parameters
    ----------
    chosen : Chosen
        The chosen model.
    rng : numpy.random.Generator
        Source of the resamples.
    settings : CheckSettings, optional
        Settings of the checks.

    Returns
    -------
    Check
        The gain in nats per step.
    """
    train, test = chosen.split == 0, (chosen.split == 2) & (chosen.length > 1)
    values, length = chosen.values[test], chosen.length[test]
    baseline = ARHMM(1).fit(chosen.values[train], chosen.length[train])
    # The baseline takes the first step as given.
    first = chosen.model.filter(values[:, :1], np.ones_like(length)).log_likelihood
    own = chosen.model.filter(values, length).log_likelihood - first
    excess = own - baseline.filter(values, length).log_likelihood
    parts = np.stack([excess, length - 1.0], axis=1)
    gain = estimate(parts, lambda s: float(s[0] / s[1]), settings.n_draws, rng)
    text = (
        f"It explains held-out activations with {gain.value:+.2f} nats per step beside linear "
        "dynamics (VAR(1))"
    )
    return _gain(gain, "gain in nats per step", text)


def _gain(found: Estimate, statistic: str, text: str) -> Check:
    # With one sequence there is no interval, and no certain result.
    holds = None if np.isnan(found.low) else found.low > 0
    outcome = "better" if holds else "worse" if found.high < 0 else "not clearly better"
    return Check("", statistic, *found, np.nan, holds, f"{text}: {outcome}.")


CHECKS: Mapping[str, CheckFunction] = {
    "Chapman-Kolmogorov": chapman_kolmogorov,
    "second order": second_order,
    "implied timescales": timescales,
    "dwells": dwells,
    "calibration": calibrated,
    "linear rival": continuous_baseline,
    "likelihood": likelihood,
    **stability.CHECKS,
    **null_tests.CHECKS,
}


def run(chosen: Chosen, seed: int, settings: CheckSettings = DEFAULT_CHECKS) -> pd.DataFrame:
    """Return all checks of one chosen model.

    Parameters
    ----------
    chosen : Chosen
        The chosen model.
    seed : int
        Seed of the checks.
    settings : CheckSettings, optional
        Settings of the checks.

    Returns
    -------
    DataFrame
        A row for each check, in the fields of :class:`hmmlens.validation.chosen_model.Check`.
    """
    rows = []
    for i, (name, check) in enumerate(CHECKS.items()):
        try:
            found = check(chosen, np.random.default_rng([seed, i]), settings)
        except DataError as error:
            text = str(error)
            found = unknown(f"{text[:1].upper()}{text[1:]}.")
        rows.append(found._replace(check=name))
    return pd.DataFrame(rows)
