"""What can be reached at all, and how far each model gets."""


rule find_ceilings:
    """Score the exact filter and simple baselines on a dataset."""
    input:
        sequences=SEQUENCES,
        code=code(
            "validation",
            "networks/baselines",
            "datasets/generators",
            "datasets/padding",
            "hmm",
        ),
    output:
        CEILINGS,
    log:
        f"{LOGS}/find_ceilings/{{dataset}}.log",
    benchmark:
        f"{BENCHMARKS}/find_ceilings/{{dataset}}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    script:
        "../scripts/find_ceilings.py"


rule validate_layer:
    """Score every model of a layer against the network and the truth, and choose."""
    input:
        sequences=sequences_of,
        activations=ACTIVATIONS,
        reduced=reducer_inputs(REDUCED),
        sweeps=reducer_inputs(SWEEP),
        raw_reduced=raw_of(REDUCED),
        raw_sweep=raw_of(SWEEP),
        code=code("validation", "hmm", "store"),
    output:
        scores=f"{VALIDATION}/scores.csv",
        choices=f"{VALIDATION}/choices.csv",
    log:
        f"{LOGS}/validate_layer/{{network}}/{{seed}}/{{layer}}.log",
    benchmark:
        f"{BENCHMARKS}/validate_layer/{{network}}/{{seed}}/{{layer}}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        reducers=lambda w: reducers_of(w.network),
        selection=study.selection.model_dump(),
        n_bootstrap=study.validation.n_bootstrap,
        seed=job_seed("validate", "{network}", "{seed}", "{layer}"),
    script:
        "../scripts/validate_layer.py"
