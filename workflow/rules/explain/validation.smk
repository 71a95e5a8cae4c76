"""Ceilings of the scores, and the scores of each model."""


rule find_ceilings:
    """Score the exact filter and simple baselines on a dataset."""
    input:
        sequences=SEQUENCES,
        code=code("find_ceilings"),
    output:
        CEILINGS,
    log:
        f"{LOGS}/find_ceilings/{{dataset}}.log",
    benchmark:
        f"{BENCHMARKS}/find_ceilings/{{dataset}}.tsv"
    conda:
        "../../../envs/cpu.yaml"
    threads: 1
    resources:
        **needs("find_ceilings"),
    script:
        "../../scripts/find_ceilings.py"


rule validate_layer:
    """Compare every model of a layer with the network and the truth, and choose."""
    input:
        sequences=sequences_of,
        activations=ACTIVATIONS,
        futures=FUTURES,
        reduced=reducer_inputs(REDUCED),
        sweeps=reducer_inputs(SWEEP),
        raw_reduced=raw_of(REDUCED),
        raw_sweeps=raw_of(SWEEP),
        code=code("validate_layer"),
    output:
        scores=f"{VALIDATION}/scores.csv",
        choices=f"{VALIDATION}/choices.csv",
    log:
        f"{LOGS}/validate_layer/{{network}}/{{seed}}/{{layer}}.log",
    benchmark:
        f"{BENCHMARKS}/validate_layer/{{network}}/{{seed}}/{{layer}}.tsv"
    conda:
        "../../../envs/cpu.yaml"
    threads: 1
    resources:
        **needs("validate_layer"),
    params:
        reducers=lambda w: reducers_of(w.network),
        controls=RAW_CONTROLS,
        selection=study.selection.model_dump(),
        n_bootstrap=study.validation.n_bootstrap,
        seed=job_seed("validate", "{network}", "{seed}", "{layer}"),
    script:
        "../../scripts/validate_layer.py"


rule judge_reservoirs:
    """Judge initial weights, and trained ones permuted, with a readout fitted to the task."""
    input:
        sequences=sequences_of,
        weights=lambda w: every_seed(f"{NETWORK}/network.safetensors", [w.network]),
        ceilings=lambda w: CEILINGS.format(dataset=dataset_of(w.network)),
        code=code("judge_reservoirs"),
    output:
        RESERVOIRS,
    log:
        f"{LOGS}/judge_reservoirs/{{network}}.log",
    benchmark:
        f"{BENCHMARKS}/judge_reservoirs/{{network}}.tsv"
    wildcard_constraints:
        network=networks_of("trained"),
    conda:
        "../../../envs/cpu.yaml"
    threads: 1
    resources:
        **needs("judge_reservoirs"),
    params:
        network=network_settings,
        activations=study.activations.model_dump(),
        fidelity_tolerance=study.selection.fidelity_tolerance,
        # The seeds of the networks themselves, so their initial weights.
        initial=lambda w: [
            derive_seed(study.seed, "network", w.network, seed)
            for seed in seeds_of(w.network)
        ],
        seeds=lambda w: [
            derive_seed(study.seed, "reservoir", w.network, seed)
            for seed in seeds_of(w.network)
        ],
    script:
        "../../scripts/judge_reservoirs.py"


rule judge_network:
    """Grade every layer of a network and of its untrained control."""
    input:
        sequences=sequences_of,
        ceilings=lambda w: CEILINGS.format(dataset=dataset_of(w.network)),
        activations=lambda w: every_seed(ACTIVATIONS, with_control(w.network)),
        endpoints=lambda w: every_seed(ENDPOINTS, with_control(w.network)),
        futures=lambda w: every_seed(FUTURES, with_control(w.network)),
        scores=lambda w: every_seed(f"{NETWORK}/scores.csv", with_control(w.network)),
        reservoirs=lambda w: RESERVOIRS if has_reservoirs(w.network) else [],
        code=code("judge_network"),
    output:
        VERDICTS,
    log:
        f"{LOGS}/judge_network/{{network}}.log",
    benchmark:
        f"{BENCHMARKS}/judge_network/{{network}}.tsv"
    wildcard_constraints:
        network="|".join(CONFIGURED),
    conda:
        "../../../envs/cpu.yaml"
    threads: 1
    resources:
        **needs("judge_network"),
    params:
        network=network_settings,
        fidelity_tolerance=study.selection.fidelity_tolerance,
        runs=lambda w: [
            {
                "network": name,
                "seed": seed,
                "seeds": [
                    derive_seed(study.seed, "judge", name, seed, layer)
                    for layer in layers_of(name)
                ],
            }
            for name in with_control(w.network)
            for seed in seeds_of(name)
        ],
    script:
        "../../scripts/judge_network.py"


rule check_network:
    """Check the explained model of every layer of a network, and compare it with other methods."""
    input:
        sequences=sequences_of,
        activations=lambda w: every_seed(ACTIVATIONS, [w.network]),
        choices=lambda w: every_layer(f"{VALIDATION}/choices.csv", [w.network]),
        explanations=lambda w: every_layer(EXPLANATION, [w.network]),
        reduced=lambda w: every_reducer(REDUCED, w.network),
        sweeps=lambda w: every_reducer(SWEEP, w.network),
        code=code("check_network"),
    output:
        checks=CHECKS,
        methods=METHODS,
    log:
        f"{LOGS}/check_network/{{network}}.log",
    benchmark:
        f"{BENCHMARKS}/check_network/{{network}}.tsv"
    wildcard_constraints:
        network="|".join(CONFIGURED),
    conda:
        "../../../envs/cpu.yaml"
    threads: 1
    resources:
        **needs("check_network"),
    params:
        network=network_settings,
        reducers=lambda w: reducers_of(w.network),
        layers=lambda w: [
            {"seed": seed, "layer": layer}
            for seed in seeds_of(w.network)
            for layer in layers_of(w.network)
        ],
        seed=job_seed("check", "{network}"),
    script:
        "../../scripts/check_network.py"
