"""Where each result of a study lies, below ``results/STUDY``. The workflow reads its paths here."""

from __future__ import annotations

from typing import Literal

from hmmlens import naming
from hmmlens.naming import LAGGED_REDUCER, RAW_LAYER, RAW_REDUCER

#: What is done with the networks of a study of emulating networks.
Step = Literal["trained", "plateau", "scores", "reverse", "kicks", "states", "protocols"]

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
FUTURES = f"{NETWORK}/futures"
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
#: step -> the rule that fills its folder, which every training that takes part in the step has.
STEPS: dict[Step, str] = {
    "trained": "train_emulation",
    "plateau": "find_plateau",
    "scores": "score_emulation",
    "reverse": "reverse_engineer",
    "kicks": "find_kicks",
    "states": "tie_states",
    "protocols": "follow_protocols",
}
BIAS = "bias/{target}"

BENCHMARKS, LOGS, CHECKPOINTS = "benchmarks", "logs", "checkpoints"
#: The report of what there is of a study, which is not finished.
PARTIAL_REPORT = "partial_report"
#: The settings that a study was last run with.
SETTINGS = "study.json"
#: Files and folders in the folder of every study that its rules do not make.
OTHERS = (BENCHMARKS, LOGS, CHECKPOINTS, PARTIAL_REPORT, SETTINGS, "run.html")


#: Arrays that are recorded in addition to the layers of a network.
SEQUENCE, SPLIT = "sequence", "split"
#: Names that tables and stores hold in addition to those of a study: the controls on the inputs
#: among its reducers, and the labels of the sequences among its layers.
NOT_IN_PATHS = {
    "reducer": (RAW_REDUCER, LAGGED_REDUCER),
    "layer": (RAW_LAYER, SEQUENCE, SPLIT),
}
