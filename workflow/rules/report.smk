"""Tables, figures and the report. Every number in the report comes from a file made above."""

import hmmlens
from hmmlens.figures.names import MIN_ARROW

RUNS = [
    {
        "network": name,
        "role": "untrained" if name.endswith(UNTRAINED) else "trained",
        "dataset": dataset_of(name),
        "n_layers": len(layers_of(name)),
        "seed": seed,
    }
    for name in NETWORKS
    for seed in seeds_of(name)
]
LAYERS = [
    {**run, "layer": layer, "twin": f"{run['network']}{UNTRAINED}"}
    for run in RUNS
    for layer in layers_of(run["network"])
]
PLACES = [
    {**layer, "reducer": reducer}
    for layer in LAYERS
    for reducer in reducers_of(layer["network"])
]
JUDGED_BESIDE = [name for name in CONFIGURED if has_reservoirs(name)]


rule make_tables:
    """Gather all results into tidy tables, and say what was found in plain sentences."""
    input:
        sequences=expand(SEQUENCES, dataset=study.datasets),
        ceilings=expand(CEILINGS, dataset=study.datasets),
        scores=every_seed(f"{NETWORK}/scores.csv"),
        training=every_seed(f"{NETWORK}/training.csv"),
        endpoints=every_seed(ENDPOINTS),
        verdicts=expand(VERDICTS, network=CONFIGURED),
        reservoirs=expand(RESERVOIRS, network=JUDGED_BESIDE),
        checks=expand(CHECKS, network=CONFIGURED),
        methods=expand(METHODS, network=CONFIGURED),
        activations=every_seed(ACTIVATIONS),
        layer_scores=every_layer(f"{VALIDATION}/scores.csv"),
        choices=every_layer(f"{VALIDATION}/choices.csv"),
        explanations=every_layer(EXPLANATION),
        sweeps=[SWEEP.format(**place) for place in PLACES],
        raw_sweeps=(
            [raw_path(SWEEP, name) for name in study.datasets]
            if study.controls.raw_input
            else []
        ),
        code=code(
            "report/gather",
            "report/tables",
            "report/findings",
            "figures/names",
            "hmm/selection",
            "validation/chance",
            "validation/verdict",
        ),
    output:
        tables=report(
            directory(TABLES),
            patterns=["{table}.csv"],
            caption="../report/tables.rst",
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
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        runs=RUNS,
        layers=LAYERS,
        places=PLACES,
        datasets=list(study.datasets),
        networks=CONFIGURED,
        reservoirs=JUDGED_BESIDE,
        exploratory=EXPLORATORY,
        raw=list(study.datasets) if study.controls.raw_input else [],
        criterion=study.selection.criterion,
    script:
        "../scripts/make_tables.py"


rule draw_network:
    """Draw the figures of one network's first training."""
    input:
        tables=TABLES,
        sequences=sequences_of,
        activations=ACTIVATIONS.replace("{seed}", "0"),
        explanations=lambda w: every_layer(EXPLANATION, [w.network])[
            : len(layers_of(w.network))
        ],
        twin_explanations=lambda w: (
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
        code=code("figures", "report/gather", "validation/verdict"),
    output:
        report(
            directory(f"{FIGURES}/{{network}}"),
            patterns=["{figure}.png"],
            caption="../report/figures.rst",
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
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        dataset=lambda w: dataset_of(w.network),
        layers=lambda w: layers_of(w.network),
        reducers=list(study.reducers),
        exploratory=EXPLORATORY,
        criterion=study.selection.criterion,
    script:
        "../scripts/draw_network.py"


rule draw_overview:
    """Draw the figures of the whole study."""
    input:
        tables=TABLES,
        code=code("figures"),
    output:
        report(
            directory(f"{FIGURES}/overview"),
            patterns=["{figure}.png"],
            caption="../report/figures.rst",
            category="1 Overview",
            labels={"figure": "{figure}"},
        ),
    log:
        f"{LOGS}/draw_overview.log",
    benchmark:
        f"{BENCHMARKS}/draw_overview.tsv"
    localrule: True
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    script:
        "../scripts/draw_overview.py"


rule write_report:
    """Set the report."""
    input:
        template=str(BASE / "workflow" / "report" / "report.typ"),
        tables=TABLES,
        findings=f"{RESULTS}/findings.json",
        overview=f"{FIGURES}/overview",
        networks=expand(f"{FIGURES}/{{network}}", network=CONFIGURED),
        code=code("report/document"),
    output:
        report(
            f"{RESULTS}/report.pdf",
            caption="../report/report.rst",
            category="0 Report",
        ),
    log:
        f"{LOGS}/write_report.log",
    benchmark:
        f"{BENCHMARKS}/write_report.tsv"
    localrule: True
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        networks=CONFIGURED,
        about={
            "title": study.title,
            "sources": {
                name: ADAPTERS[network.adapter].source._asdict()
                for name, network in study.networks.items()
                if network.kind == "adapter"
            },
            "study": study.study,
            "seed": study.seed,
            "version": hmmlens.__version__,
            "engine": study.sweep.engine,
            "criterion": study.selection.criterion,
            "tolerance": study.selection.fidelity_tolerance,
            "many_layers": any(len(n.layers) > 1 for n in study.networks.values()),
            "min_arrow": MIN_ARROW,
            "n_states": f"{study.sweep.n_states[0]} to {study.sweep.n_states[-1]}",
            "covariance_types": study.sweep.covariance_types,
            "n_restarts": study.sweep.n_restarts,
            "max_iter": study.sweep.max_iter,
            "min_covar": study.sweep.min_covar,
            "reducers": list(study.reducers),
            "max_frames": study.activations.max_frames,
        },
    script:
        "../scripts/write_report.py"
