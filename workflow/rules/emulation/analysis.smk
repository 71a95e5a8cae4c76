"""Analyses of the trained networks and of the objectives."""


rule score_emulation:
    """Compare what a network emits with its target, and check that its states stay in bounds."""
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
        "../../../envs/cpu.yaml"
    threads: 1
    resources:
        **needs("score_emulation"),
    params:
        **about("scores"),
        n_sequences=study.n_scored,
    script:
        "../../scripts/score_emulation.py"


rule reverse_engineer:
    """Analyse a network's dynamics: fixed points, orbits, training, regions, sensitivity."""
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
        "../../../envs/cpu.yaml"
    threads: 1
    resources:
        **needs("reverse_engineer"),
    params:
        **about("reverse"),
        # Figures show one seed.
        pictures=lambda w: w.seed == "0",
    script:
        "../../scripts/reverse_engineer.py"


rule find_kicks:
    """Find the units that kick a network out of its states, and compare them with other units."""
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
        "../../../envs/cpu.yaml"
    threads: 1
    resources:
        **needs("find_kicks"),
    params:
        **about("kicks"),
        levels=lambda w: study.networks[w.network].kicks_at,
    script:
        "../../scripts/find_kicks.py"


rule tie_states:
    """Fit hidden Markov models to a network's states, and measure what they forecast."""
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
        "../../../envs/cpu.yaml"
    threads: 1
    resources:
        **needs("tie_states"),
    params:
        **about("states"),
    script:
        "../../scripts/tie_states.py"


rule follow_protocols:
    """Measure a network as the paper does where this library measures otherwise."""
    input:
        trained=TRAINED,
        code=code("follow_protocols"),
    output:
        directory(f"{NETWORK}/protocols"),
    log:
        f"{LOGS}/follow_protocols/{{network}}/{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/follow_protocols/{{network}}/{{seed}}.tsv"
    conda:
        "../../../envs/cpu.yaml"
    threads: 1
    resources:
        **needs("follow_protocols"),
    params:
        **about("protocols"),
        epoch=lambda w: study.training_of(w.network).epoch,
        name=lambda w: study.networks[w.network].target,
        n_sequences=study.protocols.n_sequences,
    script:
        "../../scripts/follow_protocols.py"


rule measure_bias:
    """Find the generator that minimises each objective, for growing batches."""
    input:
        code=code("measure_bias"),
    output:
        directory(BIAS),
    log:
        f"{LOGS}/measure_bias/{{target}}.log",
    benchmark:
        f"{BENCHMARKS}/measure_bias/{{target}}.tsv"
    conda:
        "../../../envs/cpu.yaml"
    threads: 1
    resources:
        **needs("measure_bias"),
    params:
        target=lambda w: matrices(w.target),
        bias=study.bias.model_dump() if study.bias else {},
        seed=job_seed("bias", "{target}"),
    script:
        "../../scripts/measure_bias.py"
