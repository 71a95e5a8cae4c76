"""Names and paths of a study of networks that emulate hidden Markov models."""

from hmmlens.emulation import cost

NETWORK = f"{RESULTS}/{{network}}/{{seed}}"
TRAINED = f"{NETWORK}/trained"
PLATEAU = f"{NETWORK}/plateau"
# Of every training.
ALWAYS = ["trained", "plateau"]
STEPS = ["scores", "reverse", "kicks", "states"]
BIAS = f"{RESULTS}/bias/{{target}}"
BIAS_TARGETS = study.bias.targets if study.bias else []


wildcard_constraints:
    network="|".join(study.networks),
    seed=r"\d+",
    target="|".join(BIAS_TARGETS) or "(?!)",


def matrices(target):
    """Return a target as lists, which can be compared by Snakemake."""
    return [part.tolist() for part in study.hmm_of(target)]


def network_settings(wildcards):
    return study.networks[wildcards.network].architecture().model_dump()


def about(step):
    """Return the params that every step has which looks at a trained network."""
    return {
        "network": network_settings,
        "target": lambda w: matrices(study.networks[w.network].target),
        "seed": job_seed(step, "{network}", "{seed}"),
    }


def trainings_of(step, pattern=f"{NETWORK}/{{step}}"):
    """Fill a path pattern for every training that takes part in a step."""
    return [
        pattern.format(network=name, seed=seed, step=step)
        for name, network in study.networks.items()
        for seed in (range(network.n_seeds) if step in ALWAYS else network.seeds(step))
    ]


def training_cost(wildcards):
    return cost.of_training(
        study.training_of(wildcards.network), study.networks[wildcards.network]
    )


def training_needs(wildcards, attempt):
    need = training_cost(wildcards)
    return need.memory_mb * attempt, need.runtime * attempt


def plateau_needs(wildcards, attempt):
    return training_cost(wildcards).memory_mb * attempt, 20 * attempt
