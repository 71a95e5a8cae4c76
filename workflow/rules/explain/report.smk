"""Tables, figures and the report. Every number in the report comes from a file made above."""

from hmmlens.report import document
from hmmlens.report.explain import typeset
from hmmlens.study import table_parts

WITH_RESERVOIRS = [name for name in CONFIGURED if has_reservoirs(name)]


rule make_tables:
    """Gather all results into tidy tables, and write the findings as sentences."""
    input:
        sequences=expand(SEQUENCES, dataset=study.datasets),
        ceilings=expand(CEILINGS, dataset=study.datasets),
        scores=every_seed(f"{NETWORK}/scores.csv"),
        training=every_seed(f"{NETWORK}/training.csv"),
        endpoints=every_seed(ENDPOINTS),
        verdicts=expand(VERDICTS, network=CONFIGURED),
        reservoirs=expand(RESERVOIRS, network=WITH_RESERVOIRS),
        checks=expand(CHECKS, network=CONFIGURED),
        methods=expand(METHODS, network=CONFIGURED),
        activations=every_seed(ACTIVATIONS),
        layer_scores=every_layer(f"{VALIDATION}/scores.csv"),
        choices=every_layer(f"{VALIDATION}/choices.csv"),
        explanations=every_layer(EXPLANATION),
        sweeps=[SWEEP.format(**place) for place in entries.places(study)],
        raw_sweeps=[path for name in study.datasets for path in raw_paths(SWEEP, name)],
        code=code("make_tables"),
    output:
        tables=report(
            directory(TABLES),
            patterns=["{table}.csv"],
            caption="../../report/tables.rst",
            category="3 Tables",
            labels={"table": "{table}"},
        ),
        findings=f"{RESULTS}/findings.json",
    log:
        f"{LOGS}/make_tables.log",
    benchmark:
        f"{BENCHMARKS}/make_tables.tsv"
    localrule: True
    conda:
        "../../../envs/cpu.yaml"
    threads: 1
    resources:
        **needs("make_tables"),
    params:
        parts=table_parts.parts(study)._asdict(),
        exploratory=EXPLORATORY,
        criterion=study.selection.criterion,
    script:
        "../../scripts/make_tables.py"


rule draw_network:
    """Draw the figures of one network's first training."""
    input:
        tables=TABLES,
        sequences=sequences_of,
        activations=ACTIVATIONS.replace("{seed}", "0"),
        futures=FUTURES.replace("{seed}", "0"),
        explanations=lambda w: every_layer(EXPLANATION, [w.network])[
            : len(layers_of(w.network))
        ],
        untrained_explanations=lambda w: (
            every_layer(EXPLANATION, [f"{w.network}{UNTRAINED}"])[
                : len(layers_of(w.network))
            ]
            if study.controls.untrained
            else []
        ),
        reduced=lambda w: [
            REDUCED.format(network=w.network, seed=0, layer=layer, reducer=reducer)
            for layer in layers_of(w.network)
            for reducer in study.reducers
        ],
        code=code("draw_network"),
    output:
        report(
            directory(f"{FIGURES}/{{network}}"),
            patterns=["{figure}.png"],
            caption="../../report/figures.rst",
            category="2 Networks",
            subcategory="{network}",
            labels={"figure": "{figure}"},
        ),
    log:
        f"{LOGS}/draw_network/{{network}}.log",
    benchmark:
        f"{BENCHMARKS}/draw_network/{{network}}.tsv"
    localrule: True
    conda:
        "../../../envs/cpu.yaml"
    threads: 1
    resources:
        **needs("draw_network"),
    params:
        shown=lambda w: {
            "dataset": dataset_of(w.network),
            "layers": layers_of(w.network),
            "exploratory": EXPLORATORY,
            "criterion": study.selection.criterion,
            "untrained": study.controls.untrained,
        },
    script:
        "../../scripts/draw_network.py"


rule draw_overview:
    """Draw the figures of the whole study."""
    input:
        tables=TABLES,
        code=code("draw_overview"),
    output:
        report(
            directory(f"{FIGURES}/overview"),
            patterns=["{figure}.png"],
            caption="../../report/figures.rst",
            category="1 Overview",
            labels={"figure": "{figure}"},
        ),
    log:
        f"{LOGS}/draw_overview.log",
    benchmark:
        f"{BENCHMARKS}/draw_overview.tsv"
    localrule: True
    conda:
        "../../../envs/cpu.yaml"
    threads: 1
    resources:
        **needs("draw_overview"),
    script:
        "../../scripts/draw_overview.py"


rule write_report:
    """Set the report."""
    input:
        template=str(document.TEMPLATES / "explain.typ"),
        tables=TABLES,
        findings=f"{RESULTS}/findings.json",
        overview=f"{FIGURES}/overview",
        networks=expand(f"{FIGURES}/{{network}}", network=CONFIGURED),
        code=code("write_report"),
    output:
        report(
            f"{RESULTS}/report.pdf",
            caption="../../report/report.rst",
            category="0 Report",
        ),
    log:
        f"{LOGS}/write_report.log",
    benchmark:
        f"{BENCHMARKS}/write_report.tsv"
    localrule: True
    conda:
        "../../../envs/cpu.yaml"
    threads: 1
    resources:
        **needs("write_report"),
    params:
        networks=CONFIGURED,
        # A function, so that braces in a title are no wildcards.
        about=lambda w: document.params(typeset.describe_study(study)),
    script:
        "../../scripts/write_report.py"
