"""The work of the jobs of a study of emulating networks; see :mod:`hmmlens.study.plan.work`.

What a training takes is told by :mod:`hmmlens.study.plan.training_cost`. What the other steps take
was measured with 150 units and 100 dimensions of noise, on the machine that its weights are of, and
grows with what stands in the terms below.
"""

from __future__ import annotations

from collections.abc import Callable

from hmmlens.emulation.settings import Emulation
from hmmlens.study.cluster.needs import Work
from hmmlens.study.emulation_study import EmulationStudy, Emulator
from hmmlens.study.layout import Job
from hmmlens.study.plan import training_cost

#: rule -> what its least job takes.
LEAST = {
    "train_emulation": Work(training_cost.PROCESS_MB, training_cost.START),
    "find_plateau": Work(320, 2),
    "score_emulation": Work(400, 5),
    "reverse_engineer": Work(450, 10),
    "find_kicks": Work(450, 18),
    "tie_states": Work(450, 7),
    "measure_bias": Work(320, 3),
}
#: Pairs of batches whose divergences are the levels of a plateau, twice as many; see
#: :class:`hmmlens.emulation.analysis.plateau.detection.PlateauSettings`. Sequences at each
#: checkpoint, see :class:`hmmlens.emulation.analysis.plateau.step_correlation.EscapeSettings`.
LEVELS, SEQUENCES = 10, 256
#: Alignments of a network that is scored; seconds for a sequence and for a pair of them in each.
ALIGNED, PER_SEQUENCE, PER_PAIR = 10, 3e-4, 5e-7
#: Bytes for a pair of sequences, without gradients.
PAIR_BYTES = 30
#: Checkpoints that are measured at most, see
#: :class:`hmmlens.emulation.analysis.settings.ReverseSettings`; seconds for each, and for what is
#: done but once, with the network of :data:`USUAL`.
MOST_CHECKPOINTS, PER_CHECKPOINT, ONCE = 50, 0.4, 5.0
#: Seconds of the other analyses of that network.
KICKS, STATES = 25.0, 8.0
#: Multiplications of a step of 150 units and 100 dimensions of noise.
USUAL = 37_500
#: Generators that the objectives are shown, and seconds for a pair of sequences in each value.
GENERATORS, PER_VALUE = 11, 4.5e-8
#: Numbers in the pictures of a network's first training, and in a row of a table.
PICTURED, ROW = 160_000, 10
#: Numbers in the tables of an analysis, whatever the network.
TABLES = {"reverse_engineer": 6_000, "find_kicks": 50_000, "tie_states": 6_000}


def _pairs_mb(n: int) -> float:
    return PAIR_BYTES * n**2 / 2**20


def _n_checkpoints(training: Emulation) -> int:
    return training.n_updates // training.checkpoint_every + 1


def _training(training: Emulation, network: Emulator) -> Work:
    found = training_cost.of_training(training, network)
    return Work(found.memory_mb - training_cost.PROCESS_MB, found.seconds - training_cost.START)


def _plateau(training: Emulation, network: Emulator) -> Work:
    _, pairs, _ = training_cost.terms(training, network)
    seconds = LEVELS * training_cost.WEIGHTS[1] * pairs
    if training.objective == "sinkhorn":
        numbers = SEQUENCES * training.n_steps * training_cost.size(network)
        seconds += training_cost.WEIGHTS[0] * numbers * _n_checkpoints(training)
    return Work(_pairs_mb(training.batch_size), seconds)


def _reverse(training: Emulation, network: Emulator) -> Work:
    large = training_cost.size(network) / USUAL
    n = min(_n_checkpoints(training), MOST_CHECKPOINTS)
    return Work(300 * large, large * (ONCE + PER_CHECKPOINT * n))


def _only(seconds: float) -> Callable[[Emulation, Emulator], Work]:
    return lambda _, network: Work(
        100 * training_cost.size(network) / USUAL, seconds * training_cost.size(network) / USUAL
    )


#: rule -> the work of a job beyond that of the least.
OF_TRAINING: dict[str, Callable[[Emulation, Emulator], Work]] = {
    "train_emulation": _training,
    "find_plateau": _plateau,
    "reverse_engineer": _reverse,
    "find_kicks": _only(KICKS),
    "tie_states": _only(STATES),
}


def work(study: EmulationStudy, job: Job) -> Work:
    """Return the memory and seconds of a job beyond those of the least one of its rule."""
    if job.rule == "measure_bias":
        return _bias(study)
    if job.rule == "score_emulation":
        n = study.n_scored
        return Work(_pairs_mb(n), ALIGNED * (PER_SEQUENCE * n + PER_PAIR * n**2))
    name = job.wildcards["network"]
    return OF_TRAINING[job.rule](study.training_of(name), study.networks[name])


def _bias(study: EmulationStudy) -> Work:
    asked = study.bias
    assert asked is not None
    pairs = sum(d * n**2 for n, d in zip(asked.batch_sizes, asked.n_draws, strict=True))
    weights = sum(training_cost.PAIRS[objective] for objective in asked.objectives)
    seconds = GENERATORS * weights * PER_VALUE * pairs
    return Work(_pairs_mb(max(asked.batch_sizes)), seconds)


def kept(study: EmulationStudy, job: Job) -> float:
    """Return how many numbers, of 8 bytes, a job leaves."""
    if job.rule == "measure_bias":
        assert study.bias is not None
        draws = sum(study.bias.n_draws) * len(study.bias.objectives)
        return ROW / 2 * GENERATORS * draws
    numbers, name = TABLES.get(job.rule, 0), job.wildcards["network"]
    training, network = study.training_of(name), study.networks[name]
    if job.rule == "train_emulation":
        # Weights are of 4 bytes.
        weights = training_cost.size(network) * (_n_checkpoints(training) + 1) / 2
        return weights + ROW * training.n_updates / training.log_every
    if job.rule == "reverse_engineer":
        n = min(_n_checkpoints(training), MOST_CHECKPOINTS)
        return numbers + 2 * n * network.n_units + PICTURED * (job.wildcards["seed"] == "0")
    return numbers
