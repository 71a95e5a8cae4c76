"""What trainings will cost, in CPU time and memory, told before they start.

The time of an update is a sum of three terms: multiplications of the network, forth and back; the
transport, of every pair of sequences; and the overhead of each step in time. Their weights were
fitted to 16 measured sizes of networks and batches (``benchmarks/emulation_cost.py`` makes them
anew) on one thread of an AMD EPYC with AVX-512, which they meet within 20 %. Other processors, and
GPUs, differ by a factor that one training tells.

``python -m hmmlens.study.plan.training_cost workflow/studies/torre.yaml`` prints what a study's
will cost, network by network; ``hmmlens plan``, what all of its jobs will.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import NamedTuple

from hmmlens.emulation.settings import Emulation, EmulationNetwork
from hmmlens.rnn.equations import CELLS, EMULATING
from hmmlens.study.emulation_study import EmulationStudy

#: Matrices of a cell's size for one gate or drive each.
N_GATES = {name: CELLS[cell].n_blocks for name, cell in EMULATING.items()}
#: Seconds for a multiplication and addition of the network, for a pair of sequences, and for a step
#: in time, each in an update.
WEIGHTS = (1.24e-10, 3.0e-8, 3.2e-4)
#: Pairs of sequences, against one divergence: the energy distance needs no transport of them.
PAIRS = {"sinkhorn": 1.0, "split": 1.0, "energy": 0.1}
#: Seconds beside the updates: imports, the levels of the loss and files.
START = 8.0
#: Megabytes of the process itself, and bytes for a number of a batch's states and for a pair.
PROCESS_MB, PER_STATE, PER_PAIR = 550.0, 16.0, 40.0
#: A job may take so many times as long as foretold before it is stopped.
MARGIN = 4.0


class Cost(NamedTuple):
    """What one training costs.

    seconds : of one CPU thread
    memory_mb : most memory
    """

    seconds: float
    memory_mb: int

    @property
    def runtime(self) -> int:
        """Minutes that a job may take."""
        return max(20, math.ceil(MARGIN * self.seconds / 60))


def size(network: EmulationNetwork) -> int:
    """Return the multiplications of one step of a network, as many as it has weights."""
    return N_GATES[network.cell] * network.n_units * (network.n_units + network.n_noise)


def terms(settings: Emulation, network: EmulationNetwork) -> tuple[float, float, float]:
    """Return what the :data:`WEIGHTS` are of, for one update."""
    numbers = settings.batch_size * settings.n_steps * size(network)
    pairs = PAIRS[settings.objective] * settings.batch_size**2
    return numbers, pairs, settings.n_steps


def of_training(settings: Emulation, network: EmulationNetwork) -> Cost:
    """Return what a training costs."""
    given = terms(settings, network)
    update = sum(weight * number for weight, number in zip(WEIGHTS, given, strict=True))
    gates = N_GATES[network.cell]
    states = (
        settings.batch_size * settings.n_steps * (gates * network.n_units + network.n_noise / 2)
    )
    memory = PROCESS_MB + (PER_STATE * states + PER_PAIR * settings.batch_size**2) / 2**20
    return Cost(START + settings.n_updates * update, 100 * math.ceil(memory / 100))


def of_study(study: EmulationStudy) -> dict[str, Cost]:
    """Return what one training of each network costs."""
    return {name: of_training(study.training_of(name), net) for name, net in study.networks.items()}


def sentence(study: EmulationStudy) -> str:
    """Say what the trainings of a study will cost in all, and the dearest of them."""
    costs = of_study(study)
    n = {name: network.n_seeds for name, network in study.networks.items()}
    total = sum(n[name] * cost.seconds for name, cost in costs.items())
    dearest = max(costs, key=lambda name: costs[name].seconds)
    memory = max(cost.memory_mb for cost in costs.values())
    count = "1 training" if sum(n.values()) == 1 else f"{sum(n.values())} trainings"
    return (
        f"{count} will take about {duration(total)} on one CPU core in all, "
        f"{duration(costs[dearest].seconds)} the longest ({dearest}), and up to "
        f"{memory / 1000:.1f} GB of memory each; what is done with the networks after that comes "
        "on top."
    )


def duration(seconds: float) -> str:
    """Return a time in words."""
    for unit, size in (("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def main(argv: Sequence[str] | None = None) -> int:
    """Print what a study's trainings will cost, one line for each network."""
    from hmmlens.errors import ConfigError
    from hmmlens.io.yaml_files import read_yaml
    from hmmlens.study import emulation_study

    given = sys.argv[1:] if argv is None else list(argv)
    if len(given) != 1:
        print("usage: python -m hmmlens.study.plan.training_cost STUDY.yaml", file=sys.stderr)
        return 2
    try:
        study = emulation_study.load(read_yaml(given[0]), given[0])
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    for name, cost in of_study(study).items():
        n = study.networks[name].n_seeds
        print(f"{name}: {n} x {duration(cost.seconds)}, {cost.memory_mb / 1000:.1f} GB")
    print(sentence(study))
    return 0


if __name__ == "__main__":
    sys.exit(main())
