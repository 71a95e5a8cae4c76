"""How like a target's sequences a network's are.

The four measures of Torre et al. 2025, and stricter ones: words of up to six symbols, how long the
latent state lasts, and how symbols depend on earlier ones. Network and target are both drawn from
afresh several times: a value is the mean over these draws, with its interval, and its baseline is
what another batch of the target's own sequences has in the network's place.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch.nn.functional import one_hot

from hmmlens.datasets.synthetic.generators import HMMParameters, sample_hmm
from hmmlens.dynamics.labels import informative, latent
from hmmlens.dynamics.rollouts import WARM_UP, Driven, draw
from hmmlens.emulation import exact_statistics
from hmmlens.emulation.objectives import emit
from hmmlens.emulation.sinkhorn import kernel
from hmmlens.errors import DataError
from hmmlens.stats.bootstrap import mean_estimate
from hmmlens.stats.dwell import dwell_test, visits
from hmmlens.stats.ngrams import LENGTHS, counts, jensen_shannon
from hmmlens.typing import Floats, Int64s

COLUMNS = ["metric", "value", "low", "high", "baseline", "baseline_low", "baseline_high"]
#: Steps over which symbols are compared with later ones.
LAGS = tuple(range(1, 21))
#: The transport that aligns sequences: temperature, most iterations, and the summed change of its
#: potentials at which it stops (Torre et al. 2025, code).
TEMPERATURE, MOST_ITERATIONS, CHANGE = 0.1, 1000, 0.1


class Sample(NamedTuple):
    """Sequences of a network or a target.

    symbols : (sequence, time)
    labels : (sequence, time), the latent state as :mod:`hmmlens.dynamics.labels` has it; None for
        a target with a state that has no symbol of its own
    """

    symbols: Int64s
    labels: Int64s | None


class Sizes(NamedTuple):
    """How much is drawn, each of ``repeats`` times.

    sequences, steps : for all that is told from symbols (the paper has 5000 of 100 steps).
    runs, run_steps : longer ones, for how long states last.
    """

    sequences: int = 1000
    steps: int = 100
    runs: int = 64
    run_steps: int = 1000
    repeats: int = 5


def sample(
    network: Driven,
    n_sequences: int,
    n_steps: int,
    generator: torch.Generator,
    shown: tuple[int, ...],
    warm_up: int = WARM_UP,
) -> Sample:
    """Let a network emit sequences from the zero state, after steps that are left out.

    Parameters
    ----------
    generator : on the network's device.
    shown : the symbols that tell states apart, see :func:`hmmlens.dynamics.labels.informative`.

    Raises
    ------
    DataError
        When its states leave the range of numbers.
    """
    symbols, labels = [], []
    with torch.inference_mode():
        state = network.start(n_sequences)
        for t in range(warm_up + n_steps):
            state = network.step(state, draw(network, generator, n_sequences))
            if t < warm_up:
                continue
            logits = network.readout(state)
            symbols.append(emit(logits, generator).argmax(-1))
            labels.append(latent(logits, shown))
    if not bool(logits.isfinite().all()):
        raise DataError(f"the network's states run away within {warm_up + n_steps} steps")
    return Sample(*(torch.stack(part, dim=1).cpu().numpy() for part in (symbols, labels)))


def sample_target(
    hmm: HMMParameters, n_sequences: int, n_steps: int, rng: np.random.Generator
) -> Sample:
    """Draw sequences of a target that is in its stationary law."""
    at_rest = hmm._replace(startprob=exact_statistics.stationary(hmm))
    symbols, states = sample_hmm(at_rest, n_sequences, n_steps, rng)
    distribution = hmm.emissionprob[:, list(informative(hmm))]
    own = np.isclose(distribution, distribution.max(axis=1, keepdims=True)).sum(axis=1) == 1
    return Sample(symbols, distribution.argmax(axis=1)[states] if own.all() else None)


def transitions(symbols: Int64s, n_symbols: int) -> Floats:
    """Return the output-transition matrix (symbol, next_symbol); 0 after what never occurs."""
    table = np.zeros((n_symbols, n_symbols))
    np.add.at(table, (symbols[:, :-1].ravel(), symbols[:, 1:].ravel()), 1)
    found: Floats = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    return found


def autocorrelation(symbols: Int64s, n_symbols: int) -> Floats:
    """Return how alike symbols at each of :data:`LAGS` are, (lag); see :mod:`.laws`."""
    distribution = np.bincount(symbols.ravel(), minlength=n_symbols) / symbols.size
    chance = float((distribution**2).sum())
    equal = [float((symbols[:, lag:] == symbols[:, :-lag]).mean()) for lag in LAGS]
    return (np.array(equal) - chance) / max(1 - chance, 1e-12)


def aligned_distance(symbols: Int64s, reference: Int64s, n_symbols: int) -> float:
    """Return the mean Euclidean distance of sequences to those that transport gives them.

    Entropic transport from ``reference`` to ``symbols``; each sequence is compared with the one
    that most of its mass comes from (Torre et al. 2025, who call it Sinkhorn-aligned).

    Parameters
    ----------
    symbols, reference : (sequence, time) of equal length, one-hot for the distance.
    """
    one, two = (
        one_hot(torch.from_numpy(part), n_symbols).float().flatten(1)
        for part in (reference, symbols)
    )
    # Half the squared distance of one-hot sequences is the number of steps that differ.
    cost = (2 * (symbols.shape[1] - one @ two.T)).clamp_min(0).sqrt()
    f, g = cost.amin(dim=1), cost.new_zeros(len(two))
    for _ in range(MOST_ITERATIONS):
        moved_g = (
            -TEMPERATURE * kernel(cost, f, g, TEMPERATURE).sum(0).mul(len(two) / len(one)).log()
        )
        g = g + moved_g
        moved_f = -TEMPERATURE * kernel(cost, f, g, TEMPERATURE).sum(1).log()
        f = f + moved_f
        if float(moved_f.abs().sum() + moved_g.abs().sum()) < CHANGE:
            break
    chosen = (f[:, None] - cost).argmax(dim=0)
    return float(cost[chosen, torch.arange(len(two))].mean())


def dwell_distribution(labels: Int64s) -> Floats:
    """Return the survival (step) of the visits of all states together (Kaplan & Meier 1958).

    Empty when no visit was seen to begin and end.
    """
    seen = visits(labels)
    seen = seen._replace(state=np.zeros_like(seen.state))
    if not seen.ended.any():
        return np.empty(0)
    return dwell_test(seen, 0, 0, np.random.default_rng(0)).survival


def _dwell_scores(labels: Int64s, reference: Int64s) -> dict[str, float]:
    """Return mean and coefficient of variation, and the Kolmogorov distance to the reference's."""
    survival, other = dwell_distribution(labels), dwell_distribution(reference)
    if not len(survival):
        return {"dwell mean": np.inf, "dwell CV": np.nan, "dwell KS": 1.0}
    longest = max(len(survival), len(other))
    # Beyond what was seen a curve stays where it ended.
    curves = [np.r_[c, np.full(longest - len(c), c[-1] if len(c) else 1.0)] for c in
              (survival, other)]  # fmt: skip
    mean = 1 + survival.sum()
    square = 1 + ((2 * np.arange(1, len(survival) + 1) + 1) * survival).sum()
    return {
        "dwell mean": float(mean),
        "dwell CV": float(np.sqrt(max(square - mean**2, 0.0)) / mean),
        "dwell KS": float(np.abs(curves[0] - curves[1]).max()),
    }


def scores(
    hmm: HMMParameters, one: Sample, long: Sample, other: Sample, other_long: Sample
) -> dict[str, float]:
    """Return every measure of one batch, ``one`` and ``long``, against another of the target."""
    k = hmm.emissionprob.shape[1]
    symbols = one.symbols
    error = (transitions(symbols, k) - exact_statistics.output_transitions(hmm)) ** 2
    changes = (symbols[:, 1:] != symbols[:, :-1]).sum(axis=1)
    later = autocorrelation(symbols, k) - exact_statistics.autocorrelation(hmm, LAGS)
    found = {
        "aligned distance": aligned_distance(symbols, other.symbols, k),
        "transition error": float(error.mean()),
        "largest transition error": float(error.max()),
        **{f"frequency {s}": float((symbols == s).mean()) for s in range(k)},
        "volatility": float(changes.mean()),
        "volatility SD": float(changes.std(ddof=1)),
    }
    for n in LENGTHS:
        words = (part.sum(axis=0) for part in counts(symbols, other.symbols, n, k))
        found[f"{n}-gram divergence"] = float(jensen_shannon(*words))
    found["autocorrelation error"] = float(np.sqrt((later**2).mean()))
    if long.labels is not None and other_long.labels is not None:
        found |= _dwell_scores(long.labels, other_long.labels)
    return found


def evaluate(
    network: Driven,
    hmm: HMMParameters,
    generator: torch.Generator,
    rng: np.random.Generator,
    sizes: Sizes = Sizes(),  # noqa: B008
    warm_up: int = WARM_UP,
) -> pd.DataFrame:
    """Compare a network with its target by every measure.

    Returns
    -------
    DataFrame
        Columns :data:`COLUMNS`, one row per measure. ``value`` is the network's, ``baseline`` what
        the target itself has against other draws of itself, each the mean of ``sizes.repeats``
        independent draws with the 95 % interval of that mean. Errors are squared differences of
        probabilities from the target's exact ones; the autocorrelation's is a root mean square
        over :data:`LAGS`; divergences are in nats; dwells in steps.
    """
    shown = informative(hmm)
    short, long = sizes[:2], sizes[2:4]
    rows: dict[str, list[dict[str, float]]] = {"value": [], "baseline": []}
    for _ in range(sizes.repeats):
        others = [sample_target(hmm, *size, rng) for size in (short, long)]
        theirs = [sample_target(hmm, *size, rng) for size in (short, long)]
        ours = [sample(network, *size, generator, shown, warm_up) for size in (short, long)]
        rows["value"].append(scores(hmm, *ours, *others))
        rows["baseline"].append(scores(hmm, *theirs, *others))
    table = []
    for name in rows["value"][0]:
        found = (mean_estimate(np.array([row[name] for row in rows[who]])) for who in rows)
        table.append([name, *(number for estimate in found for number in estimate)])
    return pd.DataFrame(table, columns=COLUMNS)
