"""The rules of every kind of study: what each makes, what its jobs take, and where they run.

The paths, plans, requests to a cluster and partial reports read these tables, so a rule is
described by one row here in addition to its text in ``workflow/rules`` and its script.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from hmmlens.naming import RAW_LAYER
from hmmlens.study import emulation_work, layout, work
from hmmlens.study.emulation_work import EmulationSize, OfTraining, of_training
from hmmlens.study.layout import (
    ACTIVATIONS,
    BENCHMARKS,
    BIAS,
    CEILINGS,
    CHECKS,
    CHOICES,
    CURVE,
    ENDPOINTS,
    EXPLANATION,
    FIGURES,
    FINDINGS,
    FUTURES,
    LAYER_SCORES,
    METHODS,
    NETWORK,
    NOT_IN_PATHS,
    OTHERS,
    RAW,
    REDUCED,
    REPORT,
    RESERVOIRS,
    SCORES,
    SEQUENCES,
    STEPS,
    SWEEP,
    TABLES,
    TRIP,
    VERDICTS,
    WEIGHTS,
)
from hmmlens.study.work import Gathering, OfSize, Work

#: Whether a job works on the study's device: never, always, or where its network is large.
Device = Literal["cpu", "always", "large"]


class Request(NamedTuple):
    """What a job asks for at its first attempt.

    Attributes
    ----------
    mem_mb : int
        Memory in MB.
    runtime : int
        Time in minutes.
    """

    mem_mb: int
    runtime: int


class Rule(NamedTuple):
    """One rule.

    Attributes
    ----------
    wildcards : tuple of str
        Names of the wildcards, in the order of its benchmark files.
    outputs : tuple of str
        Paths of its results, below the folder of the study.
    model : OfSize, OfTraining or Gathering
        Model of the cost of its jobs.
    device : {"cpu", "always", "large"}
        Whether its jobs work on the study's device.
    asks : Request or callable, optional
        What a job asks for where that does not follow from the model, or a function of its
        :class:`EmulationSize`.
    local : bool
        Whether its jobs run in the process of Snakemake. These combine results of other jobs.
    """

    wildcards: tuple[str, ...]
    outputs: tuple[str, ...]
    model: OfSize | OfTraining | Gathering
    device: Device = "cpu"
    asks: Request | Callable[[EmulationSize], Request] | None = None
    local: bool = False


def _gathering(
    wildcards: tuple[str, ...],
    outputs: tuple[str, ...],
    each: tuple[float, float],
    least: tuple[float, float],
    asks: tuple[int, int],
) -> Rule:
    model = Gathering(Work(*each), Work(*least))
    return Rule(wildcards, outputs, model, asks=Request(*asks), local=True)


def _asks_of_training(size: EmulationSize) -> Request:
    assert size.network is not None
    cost = of_training(size.training, size.network)
    return Request(cost.memory_mb, cost.runtime)


def _asks_of_plateau(size: EmulationSize) -> Request:
    assert size.network is not None
    return Request(of_training(size.training, size.network).memory_mb, 20)


_RUN = ("network", "seed")
_LAYER = (*_RUN, "layer")
_PLACE = (*_LAYER, "reducer")
_MADE = (WEIGHTS, CURVE, SCORES)
_RAW = f"{RAW}{{dataset}}/0/{RAW_LAYER}/{{reducer}}/reduced"

#: Every rule that makes part of the results of a study that explains networks, by stage.
EXPLAINING = {
    "make_dataset": Rule(("dataset",), (SEQUENCES,), work.MAKE_DATASET),
    "find_ceilings": Rule(("dataset",), (CEILINGS,), work.FIND_CEILINGS),
    "raw_input": Rule(("dataset", "reducer"), (_RAW,), work.RAW_INPUT),
    "train_network": Rule(_RUN, _MADE, work.TRAIN_NETWORK, "always"),
    "load_network": Rule(_RUN, _MADE, work.TRAIN_NETWORK, "large"),
    "record_activations": Rule(_RUN, (ACTIVATIONS,), work.RECORD_ACTIVATIONS, "large"),
    "find_endpoints": Rule(_RUN, (ENDPOINTS, FUTURES), work.FIND_ENDPOINTS, "large"),
    "reduce_layer": Rule(_PLACE, (REDUCED,), work.REDUCE_LAYER),
    "sweep_states": Rule(_PLACE, (SWEEP,), work.SWEEP_STATES, "always"),
    "validate_layer": Rule(_LAYER, (LAYER_SCORES, CHOICES), work.VALIDATE_LAYER),
    "interpret_layer": Rule(_LAYER, (EXPLANATION,), work.INTERPRET_LAYER),
    "judge_reservoirs": Rule(("network",), (RESERVOIRS,), work.JUDGE_RESERVOIRS),
    "judge_network": Rule(("network",), (VERDICTS,), work.JUDGE_NETWORK),
    "check_network": Rule(("network",), (CHECKS, METHODS), work.CHECK_NETWORK),
    "make_tables": _gathering((), (TABLES, FINDINGS), (0.02, 0.02), (150, 3), (2000, 20)),
    "draw_network": _gathering(
        ("network",), (f"{FIGURES}/{{network}}",), (10, 5), (250, 4), (2000, 20)
    ),
    "draw_overview": _gathering((), (f"{FIGURES}/overview",), (0.1, 0.05), (200, 3), (1000, 10)),
    "write_report": _gathering((), (REPORT,), (0.5, 0.01), (60, 1), (1000, 10)),
}
#: The same for a round-trip study.
ROUND_TRIPS = {
    "round_trip": Rule(("trip", "cell", "seed"), (TRIP,), work.ROUND_TRIP, "always"),
    "gather_round_trips": _gathering((), (TABLES,), (0.1, 0.02), (150, 2), (1000, 10)),
    "draw_round_trips": _gathering((), (FIGURES,), (0.1, 0.02), (200, 3), (1000, 10)),
    "write_round_trips": _gathering((), (REPORT,), (0.5, 0.01), (60, 1), (1000, 10)),
}


def _step(
    step: layout.Step,
    model: OfTraining,
    asks: Request | Callable[[EmulationSize], Request],
    device: Device = "cpu",
) -> dict[str, Rule]:
    return {STEPS[step]: Rule(_RUN, (f"{NETWORK}/{step}",), model, device, asks)}


#: The same for a study of networks that emulate hidden Markov models.
EMULATING = {
    **_step("trained", emulation_work.TRAIN_EMULATION, _asks_of_training, "always"),
    **_step("plateau", emulation_work.FIND_PLATEAU, _asks_of_plateau),
    **_step("scores", emulation_work.SCORE_EMULATION, Request(2000, 60)),
    **_step("reverse", emulation_work.REVERSE_ENGINEER, Request(3000, 30)),
    **_step("kicks", emulation_work.FIND_KICKS, Request(3000, 60)),
    **_step("states", emulation_work.TIE_STATES, Request(3000, 60)),
    **_step("protocols", emulation_work.FOLLOW_PROTOCOLS, Request(3000, 60)),
    "measure_bias": Rule(("target",), (BIAS,), emulation_work.MEASURE_BIAS, asks=Request(4000, 60)),
    "gather_torre": _gathering((), (TABLES,), (1.0, 0.07), (350, 3), (2000, 10)),
    "draw_torre": _gathering((), (FIGURES,), (2.0, 0.3), (400, 20), (2000, 10)),
    "write_torre": _gathering((), (REPORT,), (1.0, 0.02), (400, 3), (1000, 10)),
}
RULES = EXPLAINING | ROUND_TRIPS | EMULATING


def reserved(rules: Mapping[str, Rule], wildcard: str) -> set[str]:
    """Return the names that a value of a wildcard may not have, because something else has them.

    Parameters
    ----------
    rules : mapping of str to Rule
        Rules of one kind of study, such as :data:`EXPLAINING`.
    wildcard : str
        Name of the wildcard, such as ``network``.

    Returns
    -------
    set of str
        Names of all files and folders that are siblings of the one with the wildcard's value, in
        any folder where there is such a one, and names that tables use.
    """
    made = [path for rule in rules.values() for path in rule.outputs]
    paths = [tuple(path.split("/")) for path in (*made, *OTHERS)]
    field = f"{{{wildcard}}}"
    places = {path[:i] for path in paths for i, part in enumerate(path) if part == field}
    siblings = {
        path[len(place)]
        for place in places
        for path in paths
        if len(path) > len(place) and path[: len(place)] == place
    }
    names = {name for name in siblings if "{" not in name}
    return names | set(NOT_IN_PATHS.get(wildcard, ()))


class Job(NamedTuple):
    """One job of a study.

    Attributes
    ----------
    rule : str
        Name of its rule, a key of :data:`RULES`.
    place : tuple of str
        Values of the rule's wildcards.
    """

    rule: str
    place: tuple[str, ...] = ()

    @property
    def wildcards(self) -> dict[str, str]:
        """Values of the rule's wildcards by name.

        Returns
        -------
        dict of str to str
            Names and values, in the order of the rule.
        """
        return dict(zip(RULES[self.rule].wildcards, self.place, strict=True))

    @property
    def outputs(self) -> list[str]:
        """Paths that the job makes, below the folder of the study.

        Returns
        -------
        list of str
            The paths.
        """
        return [path.format(**self.wildcards) for path in RULES[self.rule].outputs]

    @property
    def benchmark(self) -> str:
        """Path of the file that Snakemake writes when the job has ended well.

        Returns
        -------
        str
            Path below the folder of the study.
        """
        return "/".join((BENCHMARKS, self.rule, *self.place)) + ".tsv"
