"""Where each result of a study lies, below ``results/STUDY``. The workflow reads its paths here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from hmmlens import naming
from hmmlens.naming import LAGGED_REDUCER, RAW_LAYER, RAW_REDUCER
from hmmlens.study.emulation_study import Step

UNTRAINED, RAW = naming.UNTRAINED_SUFFIX, naming.RAW_PREFIX


# Folders that hold one store each, and files.
SEQUENCES = "data/{dataset}"
CEILINGS = "data/{dataset}.ceilings.csv"
NETWORK = "{network}/{seed}"
WEIGHTS, CURVE, SCORES = (
    f"{NETWORK}/{name}" for name in ("network.safetensors", "training.csv", "scores.csv")
)
ACTIVATIONS = f"{NETWORK}/activations"
ENDPOINTS = f"{NETWORK}/endpoints"
REDUCED = f"{NETWORK}/{{layer}}/{{reducer}}/reduced"
SWEEP = f"{NETWORK}/{{layer}}/{{reducer}}/sweep"
VALIDATION = f"{NETWORK}/{{layer}}/validation"
LAYER_SCORES, CHOICES = f"{VALIDATION}/scores.csv", f"{VALIDATION}/choices.csv"
EXPLANATION = f"{NETWORK}/{{layer}}/explanation"
RESERVOIRS = "{network}/reservoirs.csv"
VERDICTS = "{network}/verdicts.csv"
CHECKS, METHODS = "{network}/checks.csv", "{network}/methods.csv"
TABLES, FIGURES, REPORT = "tables", "figures", "report.pdf"
FINDINGS = "findings.json"
TRIP = "{trip}/{cell}/{seed}"
#: The steps of a study of emulating networks: each has a folder of its name for every training
#: that takes part in it, which this rule fills.
STEPS: dict[Step, str] = {
    "trained": "train_emulation",
    "plateau": "find_plateau",
    "scores": "score_emulation",
    "reverse": "reverse_engineer",
    "kicks": "find_kicks",
    "states": "tie_states",
}
BIAS = "bias/{target}"

BENCHMARKS, LOGS, CHECKPOINTS = "benchmarks", "logs", "checkpoints"
#: The report of what there is of a study, which is not finished.
PARTIAL_REPORT = "partial_report"
#: The settings that a study was last run with.
SETTINGS = "study.json"
#: What stands in the folder of every study beside what its rules make.
OTHERS = (BENCHMARKS, LOGS, CHECKPOINTS, PARTIAL_REPORT, SETTINGS, "run.html")


#: What is recorded beside the layers of a network.
SEQUENCE, SPLIT = "sequence", "split"
#: Names that tables and stores hold beside those of a study: the controls on the inputs among its
#: reducers, and the labels of the sequences among its layers.
NOT_IN_PATHS = {
    "reducer": (RAW_REDUCER, LAGGED_REDUCER),
    "layer": (RAW_LAYER, SEQUENCE, SPLIT),
}


class Rule(NamedTuple):
    """The wildcards of a rule, in the order of its benchmark files, and what it makes."""

    wildcards: tuple[str, ...]
    outputs: tuple[str, ...]


_RUN = ("network", "seed")
_LAYER = (*_RUN, "layer")
_PLACE = (*_LAYER, "reducer")
_TRAINED = Rule(_RUN, (WEIGHTS, CURVE, SCORES))

#: Every rule that makes part of the results of a study that explains networks, in the order of
#: the story.
EXPLAINING = {
    "make_dataset": Rule(("dataset",), (SEQUENCES,)),
    "find_ceilings": Rule(("dataset",), (CEILINGS,)),
    "raw_input": Rule(
        ("dataset", "reducer"), (f"{RAW}{{dataset}}/0/{RAW_LAYER}/{{reducer}}/reduced",)
    ),
    "train_network": _TRAINED,
    "load_network": _TRAINED,
    "record_activations": Rule(_RUN, (ACTIVATIONS,)),
    "find_endpoints": Rule(_RUN, (ENDPOINTS,)),
    "reduce_layer": Rule(_PLACE, (REDUCED,)),
    "sweep_states": Rule(_PLACE, (SWEEP,)),
    "validate_layer": Rule(_LAYER, (LAYER_SCORES, CHOICES)),
    "interpret_layer": Rule(_LAYER, (EXPLANATION,)),
    "judge_reservoirs": Rule(("network",), (RESERVOIRS,)),
    "judge_network": Rule(("network",), (VERDICTS,)),
    "check_network": Rule(("network",), (CHECKS, METHODS)),
    "make_tables": Rule((), (TABLES, FINDINGS)),
    "draw_network": Rule(("network",), (f"{FIGURES}/{{network}}",)),
    "draw_overview": Rule((), (f"{FIGURES}/overview",)),
    "write_report": Rule((), (REPORT,)),
}
#: The same for a round-trip study.
ROUND_TRIPS = {
    "round_trip": Rule(("trip", "cell", "seed"), (TRIP,)),
    "gather_round_trips": Rule((), (TABLES,)),
    "draw_round_trips": Rule((), (FIGURES,)),
    "write_round_trips": Rule((), (REPORT,)),
}
#: The same for a study of networks that emulate hidden Markov models.
EMULATING = {
    **{rule: Rule(_RUN, (f"{NETWORK}/{step}",)) for step, rule in STEPS.items()},
    "measure_bias": Rule(("target",), (BIAS,)),
    "gather_torre": Rule((), (TABLES,)),
    "draw_torre": Rule((), (FIGURES,)),
    "write_torre": Rule((), (REPORT,)),
}
RULES = EXPLAINING | ROUND_TRIPS | EMULATING


def reserved(rules: Mapping[str, Rule], wildcard: str) -> set[str]:
    """Return the names that a value of a wildcard may not have, because something else has them.

    Parameters
    ----------
    rules : those of one kind of study, such as :data:`EXPLAINING`.
    wildcard : such as ``network``.

    Returns
    -------
    The names of all files and folders that stand beside the one of the wildcard's value, in any
    place where that has a folder or a file of its own name.
    """
    made = [path for rule in rules.values() for path in rule.outputs]
    paths = [tuple(path.split("/")) for path in (*made, *OTHERS)]
    field = f"{{{wildcard}}}"
    places = {path[:i] for path in paths for i, part in enumerate(path) if part == field}
    beside = {
        path[len(place)]
        for place in places
        for path in paths
        if len(path) > len(place) and path[: len(place)] == place
    }
    names = {name for name in beside if "{" not in name}
    return names | set(NOT_IN_PATHS.get(wildcard, ()))


class Job(NamedTuple):
    """One job of a study.

    rule : its name, one of :data:`RULES`.
    place : the values of the rule's wildcards.
    """

    rule: str
    place: tuple[str, ...] = ()

    @property
    def wildcards(self) -> dict[str, str]:
        """The values of the rule's wildcards by their names."""
        return dict(zip(RULES[self.rule].wildcards, self.place, strict=True))

    @property
    def outputs(self) -> list[str]:
        """What the job makes."""
        return [path.format(**self.wildcards) for path in RULES[self.rule].outputs]

    @property
    def benchmark(self) -> str:
        """The file that Snakemake writes when the job has ended well."""
        return "/".join((BENCHMARKS, self.rule, *self.place)) + ".tsv"
