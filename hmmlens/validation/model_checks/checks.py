"""Checks of a chosen model: whether its states are a Markov chain, calibrated, and discrete.

Each check is a row with its number, that of a baseline or of chance, and a sentence. Checks are
computed on the test split without the warm-up. Where a recording does not allow a check, the
sentence states it. Those of the Markov property are in ``markov_checks``, those against
chance in ``null_tests``, of the stability of states in ``stability``.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from hmmlens.errors import DataError
from hmmlens.hmm.autoregressive import ARHMM
from hmmlens.stats import calibration
from hmmlens.stats.bootstrap import Estimate, estimate
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
from hmmlens.validation.model_checks import markov_checks, null_tests, stability


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
    train, test = chosen.split == 0, chosen.scored
    if not all((truth >= 0).any() for truth in (chosen.truth[train], test.truth)):
        return unknown("The truth is not known, so no probability of it can be checked.")
    n_truth = int(chosen.truth.max()) + 1
    distribution = calibration.truth_distribution(
        chosen.posteriors[train], chosen.truth[train], n_truth
    )
    predicted, truth = test.posteriors @ distribution, test.truth
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
    # Both take the steps of the warm-up and the next one as given.
    train, given = chosen.split == 0, chosen.skip + 1
    test = (chosen.split == 2) & (chosen.length > given)
    if not test.any():
        return unknown(f"No test sequence is longer than {given} steps.")
    values, length = chosen.values[test], chosen.length[test]
    baseline = ARHMM(1).fit(chosen.values[train], chosen.length[train])
    own, other = (
        model.filter(values, length).log_likelihood
        - model.filter(values, np.full_like(length, given)).log_likelihood
        for model in (chosen.model, baseline)
    )
    parts = np.stack([own - other, length - float(given)], axis=1)
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
    **markov_checks.CHECKS,
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
