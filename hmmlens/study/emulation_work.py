"""What the jobs of a study of emulating networks take, by a model of their work.

The time of an update of a training is a sum of three terms: multiplications of the network, forth
and back; the transport, of every pair of sequences; and the overhead of each step in time. Their
weights were fitted to 16 measured sizes of networks and batches (``benchmarks/emulation_cost.py``
makes them anew) on one thread of an AMD EPYC with AVX-512, which they meet within 20 %. Other
processors, and GPUs, differ by a factor. What the other steps take was measured with 150 units and
100 dimensions of noise on the same machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from hmmlens.emulation.settings import Bias, Emulation, EmulationNetwork, Protocols
from hmmlens.rnn.equations import CELLS, EMULATING
from hmmlens.study.work import Work

#: Matrices of a cell's size for one gate or drive each.
N_GATES = {name: CELLS[cell].n_blocks for name, cell in EMULATING.items()}
#: Seconds for a multiplication and addition of the network, for a pair of sequences, and for a step
#: in time, each in an update.
WEIGHTS = (1.24e-10, 3.0e-8, 3.2e-4)
#: Pairs of sequences, relative to one divergence: the energy distance needs no transport of them.
PAIRS = {"sinkhorn": 1.0, "split": 1.0, "energy": 0.1}
#: Seconds in addition to the updates: imports, the levels of the loss and files.
START = 8.0
#: Megabytes of the process itself, and bytes for a number of a batch's states and for a pair.
PROCESS_MB, PER_STATE, PER_PAIR = 550.0, 16.0, 40.0
#: A job may take so many times as long as predicted before it is stopped.
MARGIN = 4.0


#: Pairs of batches whose divergences are the levels of a plateau, twice as many; see
#: :class:`hmmlens.emulation.analysis.plateau.detection.PlateauSettings`. Sequences at each
#: checkpoint, see :class:`hmmlens.emulation.analysis.plateau.step_correlation.EscapeSettings`.
LEVELS, SEQUENCES = 10, 256
#: Alignments of a network that is scored; seconds for a sequence and for a pair of them in each.
ALIGNED, PER_SEQUENCE, PER_PAIR_ALIGNED = 10, 3e-4, 5e-7
#: Bytes for a pair of sequences, without gradients.
PAIR_BYTES = 30
#: Checkpoints that are measured at most, see
#: :class:`hmmlens.emulation.analysis.settings.ReverseSettings`; seconds for each, and for what is
#: done but once, with the network of :data:`USUAL`.
MOST_CHECKPOINTS, PER_CHECKPOINT, ONCE = 50, 0.4, 5.0
#: Seconds of the other analyses of that network.
KICKS, STATES = 25.0, 8.0
#: Seconds of the runs of the paper's protocols with that network, and for a pair of sequences in
#: one alignment of thousands.
PROTOCOL_RUNS, PER_PAIR_PROTOCOL = 12.0, 8e-7
#: Multiplications of a step of 150 units and 100 dimensions of noise.
USUAL = 37_500
#: Generators that the objectives are evaluated on; seconds for a pair of sequences in each value.
GENERATORS, PER_VALUE = 11, 4.5e-8
#: Numbers in the pictures of a network's first training, and in a row of a table.
PICTURED, ROW = 160_000, 10


class EmulationSize(NamedTuple):
    """The quantities that the cost of a job grows with.

    Attributes
    ----------
    training : Emulation
        Training settings of the network, or of the study for a job without a network.
    network : EmulationNetwork or None
        The network; None for a job on a target.
    n_scored : int
        Number of sequences that score a network.
    bias : Bias or None
        Settings of the comparison of objectives; None for a job on a network.
    first : bool
        Whether this is the first training of its network.
    n_aligned : int
        Number of sequences that the paper's protocol aligns.
    """

    training: Emulation
    network: EmulationNetwork | None
    n_scored: int
    bias: Bias | None
    first: bool
    n_aligned: int = Protocols().n_sequences


class OfTraining(NamedTuple):
    """The model of a job whose work grows with an :class:`EmulationSize`.

    Attributes
    ----------
    least : Work
        The work of the smallest job.
    beyond : callable
        Takes an :class:`EmulationSize` and returns the :class:`Work` beyond that.
    kept : callable
        Takes an :class:`EmulationSize` and returns how many numbers of 8 bytes the results hold.
    """

    least: Work
    beyond: Callable[[EmulationSize], Work]
    kept: Callable[[EmulationSize], float]


class Cost(NamedTuple):
    """Cost of one training.

    Attributes
    ----------
    seconds : float
        Time on one CPU thread.
    memory_mb : int
        Peak of memory in MB.
    """

    seconds: float
    memory_mb: int

    @property
    def runtime(self) -> int:
        """Minutes that a job may take.

        Returns
        -------
        int
            At least 20 minutes.
        """
        return max(20, math.ceil(MARGIN * self.seconds / 60))


def size(network: EmulationNetwork) -> int:
    """Return the multiplications of one step of a network, as many as it has weights.

    Parameters
    ----------
    network : EmulationNetwork
        The network.

    Returns
    -------
    int
        Number of multiplications.
    """
    return N_GATES[network.cell] * network.n_units * (network.n_units + network.n_noise)


def terms(settings: Emulation, network: EmulationNetwork) -> tuple[float, float, float]:
    """Return the quantities that :data:`WEIGHTS` multiply, for one update.

    Parameters
    ----------
    settings : Emulation
        Settings of the training.
    network : EmulationNetwork
        The network.

    Returns
    -------
    multiplications : float
        Multiplications of the network.
    pairs : float
        Pairs of sequences, weighted by objective.
    n_steps : float
        Steps in time.
    """
    numbers = settings.batch_size * settings.n_steps * size(network)
    pairs = PAIRS[settings.objective] * settings.batch_size**2
    return numbers, pairs, settings.n_steps


def of_training(settings: Emulation, network: EmulationNetwork) -> Cost:
    """Return the cost of a training.

    Parameters
    ----------
    settings : Emulation
        Settings of the training.
    network : EmulationNetwork
        The network.

    Returns
    -------
    Cost
        Time and memory by the model.
    """
    numbers = terms(settings, network)
    update = sum(weight * number for weight, number in zip(WEIGHTS, numbers, strict=True))
    gates = N_GATES[network.cell]
    states = (
        settings.batch_size * settings.n_steps * (gates * network.n_units + network.n_noise / 2)
    )
    memory = PROCESS_MB + (PER_STATE * states + PER_PAIR * settings.batch_size**2) / 2**20
    return Cost(START + settings.n_updates * update, 100 * math.ceil(memory / 100))


def _network(size: EmulationSize) -> EmulationNetwork:
    assert size.network is not None
    return size.network


def _pairs_mb(n: int) -> float:
    return PAIR_BYTES * n**2 / 2**20


def _n_checkpoints(training: Emulation) -> int:
    return training.n_updates // training.checkpoint_every + 1


def _training(of: EmulationSize) -> Work:
    cost = of_training(of.training, _network(of))
    return Work(cost.memory_mb - PROCESS_MB, cost.seconds - START)


def _weights_kept(of: EmulationSize) -> float:
    # Weights are of 4 bytes.
    weights = size(_network(of)) * (_n_checkpoints(of.training) + 1) / 2
    return weights + ROW * of.training.n_updates / of.training.log_every


def _plateau(of: EmulationSize) -> Work:
    training = of.training
    _, pairs, _ = terms(training, _network(of))
    seconds = LEVELS * WEIGHTS[1] * pairs
    if training.objective == "sinkhorn":
        numbers = SEQUENCES * training.n_steps * size(_network(of))
        seconds += WEIGHTS[0] * numbers * _n_checkpoints(training)
    return Work(_pairs_mb(training.batch_size), seconds)


def _scores(of: EmulationSize) -> Work:
    n = of.n_scored
    return Work(_pairs_mb(n), ALIGNED * (PER_SEQUENCE * n + PER_PAIR_ALIGNED * n**2))


def _reverse(of: EmulationSize) -> Work:
    large = size(_network(of)) / USUAL
    n = min(_n_checkpoints(of.training), MOST_CHECKPOINTS)
    return Work(300 * large, large * (ONCE + PER_CHECKPOINT * n))


def _reverse_kept(of: EmulationSize) -> float:
    n = min(_n_checkpoints(of.training), MOST_CHECKPOINTS)
    return 6_000 + 2 * n * _network(of).n_units + PICTURED * of.first


def _proportional(seconds: float) -> Callable[[EmulationSize], Work]:
    """Return a model of a job that takes ``seconds`` of the usual network."""
    return lambda of: Work(100 * size(_network(of)) / USUAL, seconds * size(_network(of)) / USUAL)


def _protocols(of: EmulationSize) -> Work:
    runs = PROTOCOL_RUNS * size(_network(of)) / USUAL
    return Work(2 * _pairs_mb(of.n_aligned), runs + 2 * PER_PAIR_PROTOCOL * of.n_aligned**2)


def _bias(of: EmulationSize) -> Work:
    asked = of.bias
    assert asked is not None
    pairs = sum(d * n**2 for n, d in zip(asked.batch_sizes, asked.n_draws, strict=True))
    weights = sum(PAIRS[objective] for objective in asked.objectives)
    seconds = GENERATORS * weights * PER_VALUE * pairs
    return Work(_pairs_mb(max(asked.batch_sizes)), seconds)


def _bias_kept(of: EmulationSize) -> float:
    assert of.bias is not None
    return ROW / 2 * GENERATORS * (sum(of.bias.n_draws) * len(of.bias.objectives))


TRAIN_EMULATION = OfTraining(Work(PROCESS_MB, START), _training, _weights_kept)
FIND_PLATEAU = OfTraining(Work(320, 2), _plateau, lambda of: 0)
SCORE_EMULATION = OfTraining(Work(400, 5), _scores, lambda of: 0)
REVERSE_ENGINEER = OfTraining(Work(450, 10), _reverse, _reverse_kept)
FIND_KICKS = OfTraining(Work(450, 18), _proportional(KICKS), lambda of: 50_000)
TIE_STATES = OfTraining(Work(450, 7), _proportional(STATES), lambda of: 6_000)
FOLLOW_PROTOCOLS = OfTraining(Work(450, 7), _protocols, lambda of: 100)
MEASURE_BIAS = OfTraining(Work(320, 3), _bias, _bias_kept)
