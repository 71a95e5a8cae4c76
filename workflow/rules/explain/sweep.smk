"""Hidden Markov models of every reduced store."""


rule sweep_states:
    """Fit all state counts, covariance types and restarts to one reduced store."""
    input:
        reduced=REDUCED,
        # The controls on the inputs have no network.
        futures=lambda w: [] if w.network.startswith(RAW) else FUTURES,
        code=code("sweep_states"),
    output:
        directory(SWEEP),
    log:
        f"{LOGS}/sweep_states/{{network}}/{{seed}}/{{layer}}/{{reducer}}.log",
    benchmark:
        f"{BENCHMARKS}/sweep_states/{{network}}/{{seed}}/{{layer}}/{{reducer}}.tsv"
    conda:
        "../../../envs/cpu.yaml"
    threads: study.sweep.n_jobs
    resources:
        **needs("sweep_states", study.sweep.n_jobs),
    params:
        sweep=study.sweep.model_dump(),
        device=study.device,
        seed=job_seed("sweep", "{network}", "{seed}", "{layer}", "{reducer}"),
        study=study.study,
    script:
        "../../scripts/sweep_states.py"
