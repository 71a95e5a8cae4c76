"""Whether the states of a chosen model are a Markov chain, calibrated, and more than a quantiser.

Each check is a row with its number, what a rival or chance gives, and a sentence. A check that a
recording does not allow says so in its sentence. Checks against chance are in
:mod:`hmmlens.validation.null_tests`, of whether the same states come again in
:mod:`hmmlens.validation.stability`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

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
from hmmlens.validation.chosen_model import LEVEL, N_DRAWS, Check, Chosen, unknown
from hmmlens.validation.forecast import free_run

#: Steps over which the path is predicted, and the longer of the two lags of its timescales.
STEPS = (2, 5, 10)
LAG = 5
#: A state's dwells are tested when so many were seen to end.
FEWEST_VISITS = 5
#: Draws behind the p value of a longer memory; each shuffles every path.
N_SHUFFLES = 99
#: Why a path without transitions cannot be tested.
UNCHANGED = "Its states never change within a sequence, so that there are no transitions to test."
#: Probabilities are calibrated when they are off by no more on average.
CALIBRATED = 0.1


def chapman_kolmogorov(chosen: Chosen, rng: np.random.Generator) -> Check:
    """Ask whether the path moves over several steps as its own transitions say."""
    if not changes(chosen.path):
        return unknown(UNCHANGED)
    steps = tuple(m for m in STEPS if m < int(chosen.length.max()))
    table = markov_tests.chapman_kolmogorov(chosen.path, chosen.n_states, N_DRAWS, rng, steps)
    worst = table.loc[table["p"].idxmin()]
    p = float(benjamini_hochberg(table["p"]).min())
    says = "no sign of a longer memory" if p >= LEVEL else "the path is not a Markov chain"
    text = (
        f"After {worst['steps']:.0f} steps the states are off by {worst['defect']:.3f} from what "
        f"their transitions say; a Markov chain is by up to {worst['null_high']:.3f}: {says}."
    )
    named = f"defect after {worst['steps']:.0f} steps"
    interval = worst["null_low"], worst["null_high"]
    return Check("", named, worst["defect"], *interval, p, p >= LEVEL, text)


def second_order(chosen: Chosen, rng: np.random.Generator) -> Check:
    """Ask whether the state before the present one tells more of the next."""
    if not changes(chosen.path):
        return unknown(UNCHANGED)
    found = markov_tests.order_test(chosen.path, chosen.n_states, N_SHUFFLES, rng)
    holds = found.p >= LEVEL
    text = (
        f"The state before tells {found.information:.4f} nats of the next one beyond the present "
        f"one (p {found.p:.2g}): {'no sign of a longer memory' if holds else 'a longer memory'}."
    )
    return Check("", "nats", found.information, np.nan, np.nan, found.p, holds, text)


def timescales(chosen: Chosen, rng: np.random.Generator) -> Check:
    """Ask whether the slowest timescale of the path depends on the lag that it is read from."""
    if chosen.n_states < 2:
        return unknown("One state has no timescale.")
    table = markov_tests.implied_timescales(chosen.path, chosen.n_states, (1, LAG), N_DRAWS, rng)
    slow = table[table["process"] == 1].set_index("lag")
    now, later = slow.loc[1], slow.loc[LAG]
    if not np.isfinite([now["value"], later["value"]]).all():
        return unknown("The path has no slowest timescale: a state is never left.")
    flat = bool(later["low"] <= now["high"] and now["low"] <= later["high"])
    text = (
        f"Its slowest timescale is {now['value']:.1f} steps at a lag of 1 and {later['value']:.1f} "
        f"({later['low']:.1f} to {later['high']:.1f}) at a lag of {LAG}: "
        f"{'flat, as that of' if flat else 'not flat, unlike that of'} a Markov chain."
    )
    named = f"slowest timescale at a lag of {LAG} (steps)"
    return Check("", named, later["value"], later["low"], later["high"], np.nan, flat, text)


def dwells(chosen: Chosen, rng: np.random.Generator) -> Check:
    """Ask whether states last as long as a Markov chain's do."""
    seen = dwell.visits(chosen.path)
    kinds, ends = np.unique(seen.state[seen.ended], return_counts=True)
    tested = kinds[ends >= FEWEST_VISITS]
    if not len(tested):
        return unknown(f"No state was seen to be left {FEWEST_VISITS} times.")
    p = [dwell.dwell_test(seen, int(k), N_DRAWS, rng).p for k in tested]
    adjusted = benjamini_hochberg(p)
    other = [state_name(int(k)) for k in tested[adjusted < LEVEL]]
    text = f"In {len(other)} of {len(tested)} states dwells are not geometric"
    text += f" ({', '.join(other)})." if other else "."
    named = "share of states whose dwells are not geometric"
    share = len(other) / len(tested)
    return Check("", named, share, np.nan, np.nan, float(adjusted.min()), not other, text)


def calibrated(chosen: Chosen, rng: np.random.Generator) -> Check:
    """Ask whether the filtered probability of the truth is how often it is right."""
    train, test = chosen.split == 0, chosen.split == 2
    if not all((chosen.truth[part] >= 0).any() for part in (train, test)):
        return unknown("The truth is not known, so no probability of it can be checked.")
    n_truth = int(chosen.truth.max()) + 1
    distribution = calibration.truth_distribution(
        chosen.posteriors[train], chosen.truth[train], n_truth
    )
    said, truth = chosen.posteriors[test] @ distribution, chosen.truth[test]
    error = calibration.calibration_error(said, truth, N_DRAWS, rng)
    sure, all_steps = calibration.coverage(said, truth, [0.8, 1.0])["accuracy"]
    text = (
        f"What it says of the truth is off by {error.value:.2f} on average (at most "
        f"{CALIBRATED:g} wanted); it is right in {100 * all_steps:.0f} % of steps, and in "
        f"{100 * sure:.0f} % of the 80 % of which it is surest."
    )
    holds = error.value <= CALIBRATED
    return Check("", "expected calibration error", *error, np.nan, holds, text)


def continuous_baseline(chosen: Chosen, rng: np.random.Generator) -> Check:
    """Ask whether states predict outputs further ahead than a linear system does."""
    data, horizon = chosen.data, chosen.horizon
    inside = data.masks["test"].copy()
    inside[:, :horizon] = False
    rows = inside.any(axis=1)
    book = codebook.counted(chosen.path, data, chosen.n_states, chosen.posteriors)
    *_, ahead = free_run(chosen.posteriors, book.transmat, data.classes, horizon)
    train = data.masks["train"]
    *_, line = linear.predictions(chosen.values, chosen.inputs, data.distribution, train, horizon)
    away = [(data.distribution - said) ** 2 for said in (ahead @ book.means, line, data.average)]
    missed = [np.where(inside, miss.sum(axis=2), 0.0)[rows].sum(axis=1) for miss in away]
    parts = np.stack(missed, axis=1)
    found = estimate(parts, lambda s: float((s[1] - s[0]) / s[2]), N_DRAWS, rng)
    own, other = (1 - parts[:, i].sum() / parts[:, 2].sum() for i in (0, 1))
    text = (
        f"{horizon} steps ahead its states predict the output with R2 {own:.2f}, a linear system "
        f"in the same components with {other:.2f}"
    )
    return _gain(found, f"gain in R2, {horizon} steps ahead", text)


def likelihood(chosen: Chosen, rng: np.random.Generator) -> Check:
    """Ask whether the model explains held-out activations better than linear dynamics do."""
    train, test = chosen.split == 0, (chosen.split == 2) & (chosen.length > 1)
    values, length = chosen.values[test], chosen.length[test]
    baseline = ARHMM(1).fit(chosen.values[train], chosen.length[train])
    # The rival takes the first step as given.
    first = chosen.model.filter(values[:, :1], np.ones_like(length)).log_likelihood
    own = chosen.model.filter(values, length).log_likelihood - first
    gain = own - baseline.filter(values, length).log_likelihood
    parts = np.stack([gain, length - 1.0], axis=1)
    found = estimate(parts, lambda s: float(s[0] / s[1]), N_DRAWS, rng)
    text = (
        f"It explains held-out activations with {found.value:+.2f} nats per step beside linear "
        "dynamics (VAR(1))"
    )
    return _gain(found, "gain in nats per step", text)


def _gain(found: Estimate, statistic: str, text: str) -> Check:
    # With one sequence there is no interval, and nothing can be said for sure.
    holds = None if np.isnan(found.low) else found.low > 0
    says = "better" if holds else "worse" if found.high < 0 else "not clearly better"
    return Check("", statistic, *found, np.nan, holds, f"{text}: {says}.")


CHECKS: Mapping[str, Callable[[Chosen, np.random.Generator], Check]] = {
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


def run(chosen: Chosen, seed: int) -> pd.DataFrame:
    """Return all checks of one chosen model, a row each, in the fields of :class:`Check`."""
    rows = []
    for i, (name, check) in enumerate(CHECKS.items()):
        try:
            found = check(chosen, np.random.default_rng([seed, i]))
        except DataError as error:
            text = str(error)
            found = unknown(f"{text[:1].upper()}{text[1:]}.")
        rows.append(found._replace(check=name))
    return pd.DataFrame(rows)
