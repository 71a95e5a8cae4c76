"""Tables, figures and the report of a study of emulating networks."""

from hmmlens.report import document


rule gather_torre:
    """Gather all networks into tables, and compare them with the criteria and with the paper."""
    input:
        trained=trainings_of("trained"),
        plateaus=trainings_of("plateau"),
        steps=[path for step in STEPS for path in trainings_of(step)],
        bias=results_of(BIASES),
        code=code("gather_torre"),
    output:
        tables=report(
            directory(TABLES),
            patterns=["{table}.csv"],
            caption="../../report/tables.rst",
            category="3 Tables",
            labels={"table": "{table}"},
        ),
    log:
        f"{LOGS}/gather_torre.log",
    benchmark:
        f"{BENCHMARKS}/gather_torre.tsv"
    localrule: True
    conda:
        "../../../envs/cpu.yaml"
    threads: 1
    resources:
        **needs("gather_torre"),
    params:
        study=study.model_dump(),
    script:
        "../../scripts/gather_torre.py"


rule draw_torre:
    """Draw all figures that the study has tables for."""
    input:
        tables=TABLES,
        pictures=trainings_of("reverse"),
        code=code("draw_torre"),
    output:
        report(
            directory(FIGURES),
            patterns=["{figure}.png"],
            caption="../../report/figures.rst",
            category="1 Overview",
            labels={"figure": "{figure}"},
        ),
    log:
        f"{LOGS}/draw_torre.log",
    benchmark:
        f"{BENCHMARKS}/draw_torre.tsv"
    localrule: True
    conda:
        "../../../envs/cpu.yaml"
    threads: 1
    resources:
        **needs("draw_torre"),
    script:
        "../../scripts/draw_torre.py"


rule write_torre:
    """Set the report."""
    input:
        template=str(document.TEMPLATES / "emulation.typ"),
        tables=TABLES,
        figures=FIGURES,
        code=code("write_torre"),
    output:
        report(
            f"{RESULTS}/report.pdf",
            caption="../../report/report.rst",
            category="0 Report",
        ),
    log:
        f"{LOGS}/write_torre.log",
    benchmark:
        f"{BENCHMARKS}/write_torre.tsv"
    localrule: True
    conda:
        "../../../envs/cpu.yaml"
    threads: 1
    resources:
        **needs("write_torre"),
    params:
        about=lambda w: document.params(document.head(study)),
    script:
        "../../scripts/write_torre.py"
