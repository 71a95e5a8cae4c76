"""Autonomous dynamics: where the network settles on neutral input."""


rule find_endpoints:
    """Run the network on neutral input from states that it visits, and count where it settles."""
    input:
        sequences=sequences_of,
        activations=ACTIVATIONS,
        weights=f"{NETWORK}/network.safetensors",
        network=lambda w: network_code(w.network),
        code=code("find_endpoints"),
    output:
        directory(ENDPOINTS),
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
