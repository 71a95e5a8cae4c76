"""Checks of whether the states of a chosen model are a Markov chain, given the input if it varies.

Where inputs vary, transition probabilities depend on the class of the input, and a plain Markov
chain is only their average over inputs: its tests can pass although the average predicts nothing,
and fail because the input has a memory.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hmmlens.naming import state_name
from hmmlens.stats import dwell, markov_given_input, markov_tests
from hmmlens.stats.bootstrap import interval
from hmmlens.stats.surrogates import benjamini_hochberg
from hmmlens.validation.chosen_model import (
    DEFAULT_CHECKS,
    Check,
    CheckFunction,
    CheckSettings,
    Chosen,
    Scored,
    unknown,
)

GIVEN = ", given the input"


def chapman_kolmogorov(
    chosen: Chosen, rng: np.random.Generator, settings: CheckSettings = DEFAULT_CHECKS
) -> Check:
    """Test whether the path moves over several steps as its own transitions predict.

    Where inputs vary, it is compared with the product of the transition tables of the inputs.

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
    test, k = chosen.scored, chosen.n_states
    if refused := _too_few(test, settings):
        return refused
    steps = tuple(m for m in settings.steps if m < int(test.length.max()))
    if test.with_inputs:
        table = markov_given_input.chapman_kolmogorov(
            test.path, test.classes, k, test.n_classes, settings.n_draws, rng, steps
        )
    else:
        table = markov_tests.chapman_kolmogorov(test.path, k, settings.n_draws, rng, steps)
    worst = table.loc[table["p"].idxmin()]
    p = float(benjamini_hochberg(table["p"]).min())
    given = GIVEN if test.with_inputs else ""
    outcome = "no sign of a longer memory"
    if p < settings.level:
        outcome = f"the path is not a Markov chain{given}{_but(test)}"
    source = "the transitions of its inputs" if test.with_inputs else "their transitions"
    text = (
        f"After {worst['steps']:.0f} steps the states differ by {worst['defect']:.3f} from what "
        f"{source} predict; those of a Markov chain differ by up to {worst['null_high']:.3f}: "
        f"{outcome}."
    )
    named = f"defect after {worst['steps']:.0f} steps{given}"
    limits = worst["null_low"], worst["null_high"]
    return Check("", named, worst["defect"], *limits, p, _holds(test, p, settings), text)


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
        The conditional mutual information in bits.
    """
    test = chosen.scored
    if refused := _too_few(test, settings):
        return refused
    if test.with_inputs:
        return _second_order_given_input(test, chosen.n_states, rng, settings)
    found = markov_tests.order_test(test.path, chosen.n_states, settings.n_shuffles, rng)
    bits = found.information / np.log(2)
    holds = found.p >= settings.level
    text = (
        f"The state before has {bits:.4f} bits of information on the next one beyond the present "
        f"one (p {found.p:.2g}): {'no sign of a longer memory' if holds else 'a longer memory'}."
    )
    return Check("", "bits", bits, np.nan, np.nan, found.p, holds, text)


def _second_order_given_input(
    test: Scored, n_states: int, rng: np.random.Generator, settings: CheckSettings
) -> Check:
    """Return the row of I(next state; state before | present state, next input)."""
    found = markov_given_input.order_test(test.path, test.classes, n_states, settings.n_draws, rng)
    limits = interval(found.null)
    named = f"bits{GIVEN}"
    text = (
        f"Given the present state and the next input, the next state has an entropy of "
        f"{found.entropy:.3f} bits, and the state before has {found.information:.4f} bits of "
        f"information on it (by chance up to {limits[1]:.4f}, p {found.p:.2g}): "
    )
    holds: bool | None = _holds(test, found.p, settings)
    if found.entropy < markov_given_input.ROUNDING:
        outcome = "state and input determine the next state, so that no longer memory is possible"
    elif found.least_p >= settings.level:
        holds = None
        outcome = (
            f"a p below {found.least_p:.2g} is not possible with the "
            f"{found.n_transitions} transitions of test, so that a longer memory cannot be excluded"
        )
    elif found.p >= settings.level:
        outcome = "no sign of a longer memory"
    else:
        outcome = f"a longer memory{_but(test)}"
    return Check("", named, found.information, *limits, found.p, holds, f"{text}{outcome}.")


def timescales(
    chosen: Chosen, rng: np.random.Generator, settings: CheckSettings = DEFAULT_CHECKS
) -> Check:
    """Test whether the slowest timescale of the path depends on the lag.

    Where inputs vary, it is that of the average over inputs, which is evidence neither for nor
    against states.

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
    test = chosen.scored
    table = markov_tests.implied_timescales(
        test.path, chosen.n_states, (1, settings.lag), settings.n_draws, rng
    )
    slow = table[table["process"] == 1].set_index("lag")
    now, later = slow.loc[1], slow.loc[settings.lag]
    if not np.isfinite([now["value"], later["value"]]).all():
        return unknown("The path has no slowest timescale: a state is never left.")
    flat: bool | None
    flat = bool(later["low"] <= now["high"] and now["low"] <= later["high"])
    outcome = f"{'flat, as that of' if flat else 'not flat, unlike that of'} a Markov chain"
    named = f"slowest timescale at a lag of {settings.lag} (steps)"
    if test.with_inputs:
        flat, named = None, f"{named}, average over inputs"
        outcome = "an average over inputs, which is no test of the states"
    text = (
        f"Its slowest timescale is {now['value']:.1f} steps at a lag of 1 and {later['value']:.1f} "
        f"({later['low']:.1f} to {later['high']:.1f}) at a lag of {settings.lag}: {outcome}."
    )
    return Check("", named, later["value"], later["low"], later["high"], np.nan, flat, text)


def dwells(
    chosen: Chosen, rng: np.random.Generator, settings: CheckSettings = DEFAULT_CHECKS
) -> Check:
    """Test whether the dwell times of states are those of a Markov chain.

    Without inputs they are geometric. Where inputs vary, leaving a state depends on the input, but
    not on how long the state has lasted.

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
    test = chosen.scored
    seen = dwell.visits(test.path)
    kinds, ends = np.unique(seen.state[seen.ended], return_counts=True)
    tested = kinds[ends >= settings.fewest_visits]
    if not len(tested):
        return unknown(f"No state was seen to be left {settings.fewest_visits} times.")
    # So many samples that one state among all of them can be found.
    n = max(settings.n_draws, int(np.ceil(2 * len(tested) / settings.level)))
    if test.with_inputs:
        p = markov_given_input.ageing_p(
            test.path, test.classes, chosen.n_states, test.n_classes, n, rng
        )[tested]
    else:
        p = np.array([dwell.dwell_test(seen, int(k), n, rng).p for k in tested])
    adjusted = benjamini_hochberg(p)
    other = [state_name(int(k)) for k in tested[adjusted < settings.level]]
    given = GIVEN if test.with_inputs else ""
    text = f"In {len(other)} of {len(tested)} states dwells are not geometric{given}"
    text += f" ({', '.join(other)}){_but(test)}." if other else "."
    named = f"share of states whose dwells are not geometric{given}"
    least = float(adjusted.min())
    share = len(other) / len(tested)
    return Check("", named, share, np.nan, np.nan, least, _holds(test, least, settings), text)


def _too_few(test: Scored, settings: CheckSettings) -> Check | None:
    """Return the row of a path with too few changes for a test, None where there are enough."""
    n = test.n_changes
    if n >= settings.fewest_changes:
        return None
    return unknown(
        f"Its states change {n} time{'' if n == 1 else 's'} on test, which is too few for a test "
        f"of the Markov property ({settings.fewest_changes} wanted)."
    )


def _holds(test: Scored, p: float, settings: CheckSettings) -> bool | None:
    """Return whether a chain passes; None where inputs of a class differ and it does not."""
    if p >= settings.level:
        return True
    return None if test.with_inputs and not test.exact else False


def _but(test: Scored) -> str:
    """Return what else explains a rejection."""
    if test.exact or not test.with_inputs:
        return ""
    return ", or inputs of one class that differ, of which the state before holds a trace"


CHECKS: Mapping[str, CheckFunction] = {
    "Chapman-Kolmogorov": chapman_kolmogorov,
    "second order": second_order,
    "implied timescales": timescales,
    "dwells": dwells,
}
