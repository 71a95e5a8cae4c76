"""A study of networks that emulate hidden Markov models: trained, taken apart, and questioned."""

from hmmlens.report import document


onstart:
    # Of several such blocks Snakemake takes the last.
    begin()
    print(cost.sentence(study), file=sys.stderr)


rule train_emulation:
    """Train one network until its sequences are like those of its target."""
    input:
        code=code("train_emulation"),
    output:
        directory(TRAINED),
    log:
        f"{LOGS}/train_emulation/{{network}}/{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/train_emulation/{{network}}/{{seed}}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        **placed("train_emulation", training_needs),
    params:
        network=network_settings,
        target=lambda w: matrices(study.networks[w.network].target),
        training=lambda w: study.training_of(w.network).model_dump(),
        # Of the number alone: networks of one seed and size begin with the same weights, so that
        # what differs between them is how they were trained.
        seed=job_seed("emulation", "{seed}"),
        checkpoint=f"{CHECKPOINTS}/{{network}}-{{seed}}.pt",
        device=study.device,
    script:
        "../scripts/train_emulation.py"


rule find_plateau:
    """Find the plateau of a training's loss, and how it ended."""
    input:
        trained=TRAINED,
        code=code("find_plateau"),
    output:
        directory(PLATEAU),
    log:
        f"{LOGS}/find_plateau/{{network}}/{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/find_plateau/{{network}}/{{seed}}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        **placed("find_plateau", plateau_needs),
    params:
        **about("plateau"),
        training=lambda w: study.training_of(w.network).model_dump(),
    script:
        "../scripts/find_plateau.py"


rule score_emulation:
    """Compare what a network emits with its target, and see whether its states stay in bounds."""
    input:
        trained=TRAINED,
        code=code("score_emulation"),
    output:
        directory(f"{NETWORK}/scores"),
    log:
        f"{LOGS}/score_emulation/{{network}}/{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/score_emulation/{{network}}/{{seed}}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        **fixed("score_emulation", 2000, 60),
    params:
        **about("scores"),
        n_sequences=study.n_scored,
    script:
        "../scripts/score_emulation.py"


rule reverse_engineer:
    """Take a network's dynamics apart: fixed points, orbits, training, regions, sensitivity."""
    input:
        trained=TRAINED,
        plateau=PLATEAU,
        code=code("reverse_engineer"),
    output:
        directory(f"{NETWORK}/reverse"),
    log:
        f"{LOGS}/reverse_engineer/{{network}}/{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/reverse_engineer/{{network}}/{{seed}}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        **fixed("reverse_engineer", 3000, 30),
    params:
        **about("reverse"),
        # Figures show one seed.
        pictures=lambda w: w.seed == "0",
    script:
        "../scripts/reverse_engineer.py"


rule find_kicks:
    """Find the units that kick a network out of its states, and hold them against other units."""
    input:
        trained=TRAINED,
        code=code("find_kicks"),
    output:
        directory(f"{NETWORK}/kicks"),
    log:
        f"{LOGS}/find_kicks/{{network}}/{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/find_kicks/{{network}}/{{seed}}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        **fixed("find_kicks", 3000, 60),
    params:
        **about("kicks"),
    script:
        "../scripts/find_kicks.py"


rule tie_states:
    """Fit hidden Markov models to a network's states, and try what they foretell."""
    input:
        trained=TRAINED,
        kicks=lambda w: (
            f"{NETWORK}/kicks"
            if int(w.seed) in study.networks[w.network].seeds("kicks")
            else []
        ),
        code=code("tie_states"),
    output:
        directory(f"{NETWORK}/states"),
    log:
        f"{LOGS}/tie_states/{{network}}/{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/tie_states/{{network}}/{{seed}}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        **fixed("tie_states", 3000, 60),
    params:
        **about("states"),
    script:
        "../scripts/tie_states.py"


rule measure_bias:
    """Ask the objectives which generator they like best, batches growing."""
    input:
        code=code("measure_bias"),
    output:
        directory(BIAS),
    log:
        f"{LOGS}/measure_bias/{{target}}.log",
    benchmark:
        f"{BENCHMARKS}/measure_bias/{{target}}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        **fixed("measure_bias", 4000, 60),
    params:
        target=lambda w: matrices(w.target),
        bias=study.bias.model_dump() if study.bias else {},
        seed=job_seed("bias", "{target}"),
    script:
        "../scripts/measure_bias.py"


rule gather_torre:
    """Put all networks into tables, and hold them against what is promised and beside the paper."""
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
            caption="../report/tables.rst",
            category="3 Tables",
            labels={"table": "{table}"},
        ),
    log:
        f"{LOGS}/gather_torre.log",
    benchmark:
        f"{BENCHMARKS}/gather_torre.tsv"
    localrule: True
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        study=study.model_dump(),
    script:
        "../scripts/gather_torre.py"


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
            caption="../report/figures.rst",
            category="1 Overview",
            labels={"figure": "{figure}"},
        ),
    log:
        f"{LOGS}/draw_torre.log",
    benchmark:
        f"{BENCHMARKS}/draw_torre.tsv"
    localrule: True
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    script:
        "../scripts/draw_torre.py"


rule write_torre:
    """Set the report."""
    input:
        template=str(BASE / "workflow" / "report" / "torre.typ"),
        tables=TABLES,
        figures=FIGURES,
        code=code("write_torre"),
    output:
        report(
            f"{RESULTS}/report.pdf",
            caption="../report/report.rst",
            category="0 Report",
        ),
    log:
        f"{LOGS}/write_torre.log",
    benchmark:
        f"{BENCHMARKS}/write_torre.tsv"
    localrule: True
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        about=lambda w: document.params(document.head(study)),
    script:
        "../scripts/write_torre.py"
