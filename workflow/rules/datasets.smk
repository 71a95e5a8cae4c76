"""Sequences with a split, a target and the truth where it is known."""

import re
import shutil

from hmmlens.datasets.sources import SOURCE_OF, SOURCES


def check_debian():
    """Stop before any job where a Debian package is wanted that cannot be had here."""
    for name, dataset in study.datasets.items():
        source = SOURCE_OF.get(dataset.kind)
        if source is None or source.kind != "deb":
            continue
        if not Path("data", source.file).exists() and shutil.which("apt-get") is None:
            raise WorkflowError(
                f"datasets.{name}: {source.citation} is a Debian package, and there is no "
                "apt-get here to fetch it with; run the study on Debian, or put the package "
                f"at data/{source.file}"
            )


check_debian()


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


def source_of(wildcards):
    """Return the fetched file of a dataset, where it has one."""
    kind = study.datasets[wildcards.dataset].kind
    return f"data/{SOURCE_OF[kind].file}" if kind in SOURCE_OF else []


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
