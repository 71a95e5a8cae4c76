"""Recurrent networks and their untrained twins."""


rule train_network:
    """Train a network, or keep the initial weights where it is an untrained twin."""
    input:
        sequences=sequences_of,
        code=code("networks", "datasets/padding", "seeds"),
    output:
        weights=f"{NETWORK}/network.safetensors",
        training=f"{NETWORK}/training.csv",
        scores=f"{NETWORK}/scores.csv",
    log:
        f"{LOGS}/train_network/{{network}}/{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/train_network/{{network}}/{{seed}}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
        gpu=gpu,
    params:
        network=lambda w: settings_of(w.network).model_dump(
            exclude={"training", "n_seeds"}
        ),
        training=lambda w: study.training_of(base_name(w.network)).model_dump(),
        trained=lambda w: not w.network.endswith(UNTRAINED),
        # A twin has the same seed as its network, so the same initial weights.
        seed=lambda w: derive_seed(study.seed, "network", base_name(w.network), w.seed),
        checkpoint=f"{RESULTS}/checkpoints/{{network}}-{{seed}}.pt",
        device=study.device,
    script:
        "../scripts/train_network.py"
