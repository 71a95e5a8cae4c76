"""Measure, for one network, what its verdict rests on.

State counts are chosen on the select split and scored on test; states are known by filtering.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.dynamics.endpoints import Endpoints
from hmmlens.errors import DataError
from hmmlens.hmm import input_driven
from hmmlens.hmm.selection import smallest_within
from hmmlens.interpretation import states
from hmmlens.ragged import steps_inside
from hmmlens.recording import activations
from hmmlens.reduction.reducers import PCA, moving_units
from hmmlens.stats.ties import first_best
from hmmlens.typing import Floats, Ints
from hmmlens.validation import closed_loop, fidelity, state_count
from hmmlens.validation.baselines import codebook, linear
from hmmlens.validation.baselines.codebook import Curve, Driven
from hmmlens.validation.baselines.scaling import scaled
from hmmlens.validation.forecast import input_classes
from hmmlens.validation.verdict import (
    DEFAULT,
    Evidence,
    Thresholds,
    Verdict,
    decide,
    without_gate,
)

#: Steps ahead at which the verdict asks for fidelity.
HORIZON = 5
#: Share of variance that the principal components keep, and how many there may be.
VARIANCE, FEWEST, MOST = 0.95, 2, 8
#: A codebook is as good as the best when its fidelity comes so near.
TOLERANCE = 0.02
#: Resamples behind the distribution of the number of states, and what is told of it.
N_BOOTSTRAP = 200
COUNT_FIELDS = ("mode", "low", "high", "at_edge", "sentence")
#: A state is clear when its filtered probability is above this.
CLEAR = 0.8


class Recorded(NamedTuple):
    """What was recorded of one layer of a network.

    hidden : (sequence, time, unit), the layer's state
    distribution : (sequence, time, output) of the network
    inputs : (sequence, time) symbols or (sequence, time, feature) values
    length, split : (sequence); split is 0 train, 1 select, 2 test
    """

    hidden: Floats
    distribution: Floats
    inputs: NDArray[np.generic]
    length: Ints
    split: Ints


class Losses(NamedTuple):
    """Test losses in one unit: of the network, of the best constant answer, the least possible.

    The network's is NaN where its task is not known.
    """

    network: float
    marginal: float
    floor: float = np.nan


def judge(
    recorded: Recorded,
    losses: Losses,
    settled: Endpoints | None,
    seed: int,
    reservoir_grade: str | None = None,
    thresholds: Thresholds = DEFAULT,
) -> tuple[dict[str, Any], Verdict]:
    """Return all numbers of one network as one row, and its verdict.

    Parameters
    ----------
    settled : endpoints; None where the weights or a neutral input are not at hand.
    seed : of k-means and of resampling.
    reservoir_grade : see :func:`hmmlens.validation.verdict.decide`.

    Returns
    -------
    row : the fields of :class:`hmmlens.validation.verdict.Evidence`; ``gap_closed``;
        ``fidelity_h`` of the driven HMM for h = 0 to 5, of the k-means chain with as many cells
        (``codebook_h``) and of the linear rival (``linear_h``), all on test; ``closed_loop``, R2
        of the HMM when its states are read once; ``space`` that the states were found in;
        ``fidelity_fewer, fidelity_more`` of the HMM with one state less and one more, ``repeated``
        in words; ``count_*`` of :class:`hmmlens.validation.state_count.CountDistribution`, and
        ``count_share_N`` for each number N, where select holds two sequences or more; ``grade,
        grade_without_gate`` (competence not asked), ``supported, input_driven, sentence,
        reasons``.
    verdict : Verdict
    """
    data, space = prepare(recorded, seed)
    spaces = {"output law": data.distribution, "components": space}
    curves = {name: codebook.curve(points, data, HORIZON, seed) for name, points in spaces.items()}
    n_states = _n_states(curves["output law"], settled, thresholds)
    fits = {name: fit_states(points, data, n_states, seed) for name, points in spaces.items()}
    best = max(fits, key=lambda name: fits[name].select[HORIZON])
    elbows = {
        name: codebook.elbow(found.counts, found.select[:, 0], n_states)
        for name, found in curves.items()
    }
    widest = max(curves.values(), key=lambda found: found.select[:, HORIZON].max())
    resolution, few = _few(widest, thresholds)
    evidence = Evidence(
        loss=losses.network,
        marginal=losses.marginal,
        floor=losses.floor,
        fidelity=few,
        fidelity_states=float(fits[best].test[HORIZON]),
        n_states=n_states,
        resolution=resolution,
        elbow_output=elbows["output law"],
        elbow_components=elbows["components"],
        flicker=fits[best].flicker,
        **({} if settled is None else _settled(settled)),
    )
    verdict = decide(evidence, reservoir_grade, thresholds)
    row: dict[str, Any] = {**asdict(evidence), "gap_closed": evidence.gap_closed, "space": best}
    row["closed_loop"] = fits[best].closed_loop
    scores = {
        "fidelity": fits[best].test,
        "codebook": fits[best].codebook_test,
        "linear": _linear(recorded, data, space),
    }
    row |= {f"{name}_{h}": float(f) for name, curve in scores.items() for h, f in enumerate(curve)}
    near = {n_states: evidence.fidelity_states}
    for count in (n_states - 1, n_states + 1):
        if count >= 1:
            near[count] = float(fit_states(spaces[best], data, count, seed).test[HORIZON])
    row |= {
        f"fidelity_{n}": near.get(k, np.nan)
        for n, k in (("fewer", n_states - 1), ("more", n_states + 1))
    }
    row["repeated"] = state_count.repeated(near, n_states, thresholds.fidelity)
    if len(widest.by_sequence) > 1:
        spread = state_count.distribution(
            widest.counts, [widest.by_sequence], N_BOOTSTRAP, np.random.default_rng(seed)
        )
        row |= {f"count_{name}": getattr(spread, name) for name in COUNT_FIELDS}
        shares = zip(spread.counts, spread.share, strict=True)
        row |= {f"{state_count.SHARE}{n}": float(part) for n, part in shares}
    row["grade_without_gate"] = without_gate(evidence, thresholds)
    return row | verdict.row(), verdict


def prepare(recorded: Recorded, seed: int) -> tuple[Driven, Floats]:
    """Return what drives and comes out, and the principal components, without the warm-up.

    Raises
    ------
    DataError
        When a split is empty, or no unit moves.
    """
    skip = warm_up(recorded)
    inside = steps_inside(recorded.length, *recorded.distribution.shape[:2])[:, skip:]
    masks = {
        name: inside & (recorded.split == part)[:, None]
        for part, name in enumerate(("train", "select", "test"))
    }
    for name, mask in masks.items():
        if not mask[:, HORIZON:].any():
            raise DataError(
                f"no {name} sequence is longer than the warm-up and the horizon "
                f"({skip + HORIZON} steps); record longer sequences"
            )
    classes, n_classes = input_classes(recorded.inputs, recorded.split == 0, recorded.length, seed)
    distribution = np.where(inside[..., None], recorded.distribution[:, skip:], 0.0)
    hidden = np.where(inside[..., None], recorded.hidden[:, skip:], 0.0)
    data = Driven(distribution, classes[:, skip:], n_classes, masks)
    return data, components(hidden, masks["train"])


def warm_up(recorded: Recorded) -> int:
    """Return the first steps that nothing is scored on: a fifth of a short recording at most."""
    return min(activations.WARM_UP, int(recorded.distribution.shape[1]) // 5)


def components(hidden: Floats, train: NDArray[np.bool_]) -> Floats:
    """Return the leading principal components (sequence, time, component) of the train split.

    As many as keep 95 % of the variance, between 2 and 8.

    Raises
    ------
    DataError
        When no unit moves.
    """
    frames = hidden[train]
    if not moving_units(frames).any():
        raise DataError("no unit of this layer ever changes, so there is nothing to explain")
    pca = PCA(MOST).fit(frames)
    kept = pca.explained_variance_ratio_.cumsum()
    n = int(np.clip(np.searchsorted(kept, VARIANCE) + 1, FEWEST, MOST))
    return pca.transform(hidden)[..., :n]


class States(NamedTuple):
    """A driven HMM of one space and the k-means chain that it started from.

    model : InputDrivenHMM
    means : (state, output), the output law of each state
    select, test, codebook_test : (h), R2 of the free run
    closed_loop : R2 on test when the states are read once and then run to the end
    flicker : share of test frames in which no state has a filtered probability of .8
    """

    model: input_driven.InputDrivenHMM
    means: Floats
    select: Floats
    test: Floats
    codebook_test: Floats
    closed_loop: float
    flicker: float


def fit_states(space: Floats, data: Driven, n_states: int, seed: int) -> States:
    """Fit a tied HMM with input-conditioned transitions to ``space``, from k-means cells."""
    book = codebook.fit(space, data, n_states, seed)
    train = data.masks["train"]
    rows = train.any(axis=1)
    length = train[rows].sum(axis=1)
    given = space[rows], book.states[rows], data.classes[rows], train[rows]
    start = input_driven.from_states(*given, n_states, data.n_classes)
    model, _ = input_driven.fit(space[rows], data.classes[rows], start, length)
    everywhere = np.logical_or.reduce(list(data.masks.values()))
    length = everywhere.sum(axis=1)
    posteriors = np.zeros((*space.shape[:2], n_states))
    known = length > 0
    posteriors[known] = model.filter(space[known], data.classes[known], length[known]).posteriors
    means = states.state_outputs(posteriors[rows], data.distribution[rows])

    cells = codebook.one_hot(book.states, n_states)
    test = data.masks["test"]
    rows = test.any(axis=1)
    alone = closed_loop.read_once(posteriors[rows, 0], model.transmat, data.classes[rows]) @ means
    return States(
        model,
        means,
        codebook.score(data, "select", posteriors, model.transmat, means, HORIZON),
        codebook.score(data, "test", posteriors, model.transmat, means, HORIZON),
        codebook.score(data, "test", cells, book.transmat, book.means, HORIZON),
        fidelity.fidelity(data.distribution[test], alone[test[rows]], data.average, "values"),
        float((posteriors[test].max(axis=1) < CLEAR).mean()),
    )


def _n_states(curve: Curve, settled: Endpoints | None, thresholds: Thresholds) -> int:
    """Return the number of endpoints where it is few, else where the elbow is highest."""
    most = thresholds.most_states
    if settled is not None and 2 <= settled.n_coarse <= most:
        return int(settled.n_coarse)
    counts: list[int] = [n for n in curve.counts.tolist() if 2 <= n <= most]
    heights = [codebook.elbow(curve.counts, curve.select[:, 0], n) for n in counts]
    return counts[first_best(heights)]


def _few(curve: Curve, thresholds: Thresholds) -> tuple[int, float]:
    """Return the resolution, and the test fidelity of the best few cells, both from select."""
    few = curve.counts <= thresholds.most_states
    select = np.where(few, curve.select[:, HORIZON], -np.inf)
    resolution = smallest_within(curve.counts, curve.select[:, HORIZON], TOLERANCE)
    return resolution, float(curve.test[first_best(select), HORIZON])


def _settled(found: Endpoints) -> dict[str, float]:
    return {"n_endpoints": found.n_coarse, "ratio": found.ratio, "drift": found.drift}


def _linear(recorded: Recorded, data: Driven, space: Floats) -> Floats:
    """Return the R2 (h) of the linear rival on test; symbols go in one-hot."""
    skip = warm_up(recorded)
    if recorded.inputs.ndim == 2:
        inputs = codebook.one_hot(data.classes, data.n_classes)
    else:
        inside = steps_inside(recorded.length, *recorded.distribution.shape[:2])
        inputs = scaled(recorded.inputs, inside, recorded.split == 0)[:, skip:]
    masks = data.masks
    return linear.fidelity_curve(
        space, inputs, data.distribution, masks["train"], masks["test"], data.average, HORIZON
    )
