"""What the states of the chosen models mean."""


rule interpret_layer:
    """Read the chosen models of a layer in units of inputs, outputs and the truth."""
    input:
        sequences=sequences_of,
        activations=ACTIVATIONS,
        reduced=reducer_inputs(REDUCED),
        sweeps=reducer_inputs(SWEEP),
        choices=f"{VALIDATION}/choices.csv",
        futures=FUTURES,
        code=code("interpret_layer"),
    output:
        directory(EXPLANATION),
    log:
        f"{LOGS}/interpret_layer/{{network}}/{{seed}}/{{layer}}.log",
    benchmark:
        f"{BENCHMARKS}/interpret_layer/{{network}}/{{seed}}/{{layer}}.tsv"
    conda:
        "../../../envs/cpu.yaml"
    threads: 1
    resources:
        **needs("interpret_layer"),
    params:
        reducers=lambda w: reducers_of(w.network),
        study=study.study,
    script:
        "../../scripts/interpret_layer.py"
