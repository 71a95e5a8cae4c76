"""Recurrent networks, trained here or loaded, and their untrained controls."""


rule train_network:
    """Train a network, or keep the initial weights of an untrained control."""
    input:
        sequences=sequences_of,
        code=code("train_network"),
    output:
        weights=f"{NETWORK}/network.safetensors",
        training=f"{NETWORK}/training.csv",
        scores=f"{NETWORK}/scores.csv",
    log:
        f"{LOGS}/train_network/{{network}}/{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/train_network/{{network}}/{{seed}}.tsv"
    wildcard_constraints:
        network=networks_of("trained"),
    conda:
        "../../../envs/cpu.yaml"
    threads: 1
    resources:
        **needs("train_network"),
    params:
        network=network_settings,
        training=lambda w: study.training_of(base_name(w.network)).model_dump(),
        trained=lambda w: not w.network.endswith(UNTRAINED),
        # A control has the same seed as its network, so the same initial weights.
        seed=lambda w: derive_seed(study.seed, "network", base_name(w.network), w.seed),
        checkpoint=f"{CHECKPOINTS}/{{network}}-{{seed}}.pt",
        device=study.device,
    script:
        "../../scripts/train_network.py"


rule load_network:
    """Read the weights of a network trained elsewhere, or sample those of its control."""
    input:
        sequences=sequences_of,
        files=lambda w: network_files(w.network),
        code=code("load_network"),
    output:
        weights=f"{NETWORK}/network.safetensors",
        training=f"{NETWORK}/training.csv",
        scores=f"{NETWORK}/scores.csv",
    log:
        f"{LOGS}/load_network/{{network}}/{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/load_network/{{network}}/{{seed}}.tsv"
    wildcard_constraints:
        network=networks_of("torch", "keras", "adapter"),
    conda:
        "../../../envs/cpu.yaml"
    threads: 1
    resources:
        **needs("load_network"),
    params:
        network=network_settings,
        trained=lambda w: not w.network.endswith(UNTRAINED),
        seed=lambda w: derive_seed(study.seed, "network", base_name(w.network), w.seed),
        batch_size=study.activations.batch_size,
        device=study.device,
    script:
        "../../scripts/load_network.py"
