"""A round-trip study: one job for each network, then its tables, figures and report."""

from hmmlens.report import document
from hmmlens.rnn.cells.registry import MODERN
from hmmlens.rnn.equations import TRAINABLE

TRIP = f"{RESULTS}/{layout.TRIP}"


wildcard_constraints:
    trip="|".join(study.all_trips),
    cell="|".join((*TRAINABLE, *MODERN)),
    seed=r"\d+",


rule round_trip:
    """Train one network on a known task, judge it and its controls, and recover its states."""
    input:
        methods=[
            path for name in study.methods if ":" in name for path in code_of(name)
        ],
        code=code("round_trip"),
    output:
        directory(TRIP),
    log:
        f"{LOGS}/round_trip/{{trip}}/{{cell}}/{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/round_trip/{{trip}}/{{cell}}/{{seed}}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        **needs("round_trip"),
    params:
        trip=lambda w: study.all_trips[w.trip].model_dump(exclude={"n_seeds", "cells"}),
        training=lambda w: study.training_of(w.trip).model_dump(),
        settings=study.model_dump(
            include={
                "max_frames",
                "n_states",
                "n_restarts",
                "methods",
                "automata",
                "device",
            }
        ),
        seed=job_seed("round_trip", "{trip}", "{cell}", "{seed}"),
    script:
        "../scripts/round_trip.py"


rule gather_round_trips:
    """Gather all networks into tables, and compare them with the criteria."""
    input:
        trips=[TRIP.format(**trip) for trip in entries.trips(study)],
        code=code("gather_round_trips"),
    output:
        tables=report(
            directory(TABLES),
            patterns=["{table}.csv"],
            caption="../report/tables.rst",
            category="3 Tables",
            labels={"table": "{table}"},
        ),
    log:
        f"{LOGS}/gather_round_trips.log",
    localrule: True
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        **needs("gather_round_trips"),
    script:
        "../scripts/gather_round_trips.py"


rule draw_round_trips:
    """Draw grades, evidence and recovery."""
    input:
        tables=TABLES,
        code=code("draw_round_trips"),
    output:
        report(
            directory(FIGURES),
            patterns=["{figure}.png"],
            caption="../report/figures.rst",
            category="1 Overview",
            labels={"figure": "{figure}"},
        ),
    log:
        f"{LOGS}/draw_round_trips.log",
    localrule: True
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        **needs("draw_round_trips"),
    script:
        "../scripts/draw_round_trips.py"


rule write_round_trips:
    """Set the report."""
    input:
        template=str(document.TEMPLATES / "roundtrip.typ"),
        tables=TABLES,
        figures=FIGURES,
        code=code("write_round_trips"),
    output:
        report(
            f"{RESULTS}/report.pdf",
            caption="../report/report.rst",
            category="0 Report",
        ),
    log:
        f"{LOGS}/write_round_trips.log",
    localrule: True
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        **needs("write_round_trips"),
    params:
        about=lambda w: document.params(document.head(study)),
    script:
        "../scripts/write_round_trips.py"
