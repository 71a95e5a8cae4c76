"""Names and paths of a study of networks that emulate hidden Markov models."""

from hmmlens.study import emulation_jobs

NETWORK = f"{RESULTS}/{layout.NETWORK}"
TRAINED = f"{NETWORK}/trained"
PLATEAU = f"{NETWORK}/plateau"
STEPS = ["scores", "reverse", "kicks", "states", "protocols"]
BIAS = f"{RESULTS}/{layout.BIAS}"
BIASES = emulation_jobs.biases(study)


wildcard_constraints:
    network="|".join(study.networks),
    seed=r"\d+",
    target="|".join(job.place[0] for job in BIASES) or "(?!)",


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


def results_of(found):
    """Return what jobs make."""
    return [f"{RESULTS}/{path}" for job in found for path in job.outputs]


def trainings_of(step):
    """Return the folder of a step for every training that takes part in it."""
    return results_of(emulation_jobs.of_step(study, step))
