"""Few components for each layer's state."""


rule reduce_layer:
    """Fit a reducer to a layer's state on the train split and apply it to all sequences."""
    input:
        activations=ACTIVATIONS,
        code=code("reduce_layer"),
    output:
        directory(REDUCED),
    log:
        f"{LOGS}/reduce_layer/{{network}}/{{seed}}/{{layer}}/{{reducer}}.log",
    benchmark:
        f"{BENCHMARKS}/reduce_layer/{{network}}/{{seed}}/{{layer}}/{{reducer}}.tsv"
    wildcard_constraints:
        network="|".join(NETWORKS),
        reducer="|".join(study.reducers),
    conda:
        "../../../envs/cpu.yaml"
    threads: 1
    resources:
        **needs("reduce_layer"),
    params:
        reducer=lambda w: study.reducers[w.reducer].model_dump(),
        lstm_state=lambda w: settings_of(w.network).lstm_state,
        seed=job_seed("reduce", "{network}", "{seed}", "{layer}", "{reducer}"),
        study=study.study,
    script:
        "../../scripts/reduce_layer.py"


rule raw_input:
    """Reduce a dataset's own inputs as states are reduced: controls without a network."""
    input:
        sequences=lambda w: SEQUENCES.format(dataset=w.dataset),
        code=code("raw_input"),
    output:
        directory(raw_path(REDUCED, "{dataset}", "{reducer}")),
    log:
        f"{LOGS}/raw_input/{{dataset}}/{{reducer}}.log",
    benchmark:
        f"{BENCHMARKS}/raw_input/{{dataset}}/{{reducer}}.tsv"
    wildcard_constraints:
        reducer="|".join(RAW_VARIANTS) or "(?!)",
    conda:
        "../../../envs/cpu.yaml"
    threads: 1
    resources:
        **needs("raw_input"),
    params:
        max_frames=study.activations.max_frames,
        reducers=lambda w: {
            name: study.reducers[name].model_dump()
            for name in study.reducers
            if name not in EXPLORATORY
        },
        seed=job_seed("raw input", "{dataset}", "{reducer}"),
        study=study.study,
    script:
        "../../scripts/raw_input.py"
