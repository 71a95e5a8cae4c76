"""Predicted CPU time and memory of the trainings of emulating networks.

``python -m hmmlens.study.plan.training_cost workflow/studies/torre.yaml`` prints the costs of a
study's trainings for each network; ``hmmlens plan`` those of all jobs. The model is
:func:`hmmlens.study.emulation_work.of_training`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from hmmlens.study.emulation_study import EmulationStudy
from hmmlens.study.emulation_work import Cost, of_training


def of_study(study: EmulationStudy) -> dict[str, Cost]:
    """Return what one training of each network costs.

    Parameters
    ----------
    study : EmulationStudy
        The study.

    Returns
    -------
    dict of str to Cost
        Name of the network -> seconds and memory.
    """
    return {name: of_training(study.training_of(name), net) for name, net in study.networks.items()}


def sentence(study: EmulationStudy) -> str:
    """Return in a sentence what the trainings of a study will cost in all, and the longest of them.

    Parameters
    ----------
    study : EmulationStudy
        The study.

    Returns
    -------
    str
        One sentence.
    """
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
    """Return a time as a number with its unit.

    Parameters
    ----------
    seconds : float
        The time.

    Returns
    -------
    str
        In hours, minutes or seconds.
    """
    for unit, size in (("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def main(argv: Sequence[str] | None = None) -> int:
    """Print what a study's trainings will cost, one line for each network.

    Parameters
    ----------
    argv : sequence of str, optional
        The path of a study; those of the command line if None.

    Returns
    -------
    int
        Exit status: 0, 1 for a wrong study, 2 for a wrong call.
    """
    from hmmlens.errors import ConfigError
    from hmmlens.io.yaml_files import read_yaml
    from hmmlens.study import emulation_study

    arguments = sys.argv[1:] if argv is None else list(argv)
    if len(arguments) != 1:
        print("usage: python -m hmmlens.study.plan.training_cost STUDY.yaml", file=sys.stderr)
        return 2
    try:
        study = emulation_study.load(read_yaml(arguments[0]), arguments[0])
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
