"""Training of networks on their targets, and the plateau of the loss."""

from hmmlens.study.plan import training_cost


onstart:
    # Of several such blocks Snakemake takes the last.
    begin()
    print(training_cost.sentence(study), file=sys.stderr)


rule train_emulation:
    """Train one network until its sequences are like those of its target."""
    input:
        code=code("train_emulation"),
    output:
        directory(TRAINED),
    log:
        f"{LOGS}/train_emulation/{{network}}/{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/train_emulation/{{network}}/{{seed}}.tsv"
    conda:
        "../../../envs/cpu.yaml"
    threads: 1
    resources:
        **needs("train_emulation"),
    params:
        network=network_settings,
        target=lambda w: matrices(study.networks[w.network].target),
        training=lambda w: study.training_of(w.network).model_dump(),
        # Of the number alone: networks of one seed and size begin with the same weights, so that
        # what differs between them is how they were trained.
        seed=job_seed("emulation", "{seed}"),
        checkpoint=f"{CHECKPOINTS}/{{network}}-{{seed}}.pt",
        device=study.device,
    script:
        "../../scripts/train_emulation.py"


rule find_plateau:
    """Find the plateau of a training's loss, and how it ended."""
    input:
        trained=TRAINED,
        code=code("find_plateau"),
    output:
        directory(PLATEAU),
    log:
        f"{LOGS}/find_plateau/{{network}}/{{seed}}.log",
    benchmark:
        f"{BENCHMARKS}/find_plateau/{{network}}/{{seed}}.tsv"
    conda:
        "../../../envs/cpu.yaml"
    threads: 1
    resources:
        **needs("find_plateau"),
    params:
        **about("plateau"),
        training=lambda w: study.training_of(w.network).model_dump(),
    script:
        "../../scripts/find_plateau.py"
