"""Dynamics: where the network settles on neutral input, and what it does next from its states."""


rule find_endpoints:
    """Run the network from states that it visits, on neutral input and on recorded inputs."""
    input:
        sequences=sequences_of,
        activations=ACTIVATIONS,
        weights=f"{NETWORK}/network.safetensors",
        network=lambda w: network_code(w.network),
        code=code("find_endpoints"),
    output:
        endpoints=directory(ENDPOINTS),
        futures=directory(FUTURES),
    log:
        f"{LOGS}/find_endpoints/{{network}}/{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/find_endpoints/{{network}}/{{seed}}.tsv"
    conda:
        "../../../envs/cpu.yaml"
    threads: 1
    resources:
        **needs("find_endpoints"),
    params:
        network=network_settings,
        seed=job_seed("endpoints", "{network}", "{seed}"),
        device=study.device,
        study=study.study,
    script:
        "../../scripts/find_endpoints.py"
