"""What every layer holds at every step."""


rule record_activations:
    """Run a network over the recorded sequences and store the states of every layer."""
    input:
        sequences=sequences_of,
        weights=f"{NETWORK}/network.safetensors",
        network=lambda w: network_code(w.network),
        code=code("record_activations"),
    output:
        directory(ACTIVATIONS),
    log:
        f"{LOGS}/record_activations/{{network}}/{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/record_activations/{{network}}/{{seed}}.tsv"
    conda:
        "../../../envs/cpu.yaml"
    threads: 1
    resources:
        **needs("record_activations"),
    params:
        network=network_settings,
        activations=study.activations.model_dump(),
        # Outside the result's folder, which Snakemake deletes when a job was killed.
        partial=f"{CHECKPOINTS}/{{network}}-{{seed}}.activations",
        device=study.device,
        study=study.study,
    script:
        "../../scripts/record_activations.py"
