"""Names and paths of a study that explains networks."""

import shutil

from hmmlens.study.entries import base_name
from hmmlens.rnn.adapters import ADAPTERS, module_name

# Folders that hold one store each, and files.
SEQUENCES = f"{RESULTS}/{layout.SEQUENCES}"
CEILINGS = f"{RESULTS}/{layout.CEILINGS}"
NETWORK = f"{RESULTS}/{layout.NETWORK}"
ACTIVATIONS = f"{RESULTS}/{layout.ACTIVATIONS}"
REDUCED = f"{RESULTS}/{layout.REDUCED}"
SWEEP = f"{RESULTS}/{layout.SWEEP}"
VALIDATION = f"{RESULTS}/{layout.VALIDATION}"
EXPLANATION = f"{RESULTS}/{layout.EXPLANATION}"
ENDPOINTS = f"{RESULTS}/{layout.ENDPOINTS}"
FUTURES = f"{RESULTS}/{layout.FUTURES}"
RESERVOIRS = f"{RESULTS}/{layout.RESERVOIRS}"
VERDICTS = f"{RESULTS}/{layout.VERDICTS}"
CHECKS = f"{RESULTS}/{layout.CHECKS}"
METHODS = f"{RESULTS}/{layout.METHODS}"

UNTRAINED, RAW = layout.UNTRAINED, layout.RAW
RAW_LAYER = layout.RAW_LAYER

CONFIGURED = list(study.networks)
NETWORKS = entries.networks(study)
EXPLORATORY = entries.exploratory(study)
RAW_CONTROLS = entries.raw_variants(study)
RAW_VARIANTS = [name for names in RAW_CONTROLS.values() for name in names]
RAW_SOURCES = (
    [f"{RAW}{name}" for name in study.datasets] if study.controls.raw_input else []
)


wildcard_constraints:
    dataset="|".join(study.datasets),
    network="|".join(NETWORKS + RAW_SOURCES),
    seed=r"\d+",
    layer="|".join(
        sorted({layer for n in study.networks.values() for layer in n.layers})
        + [RAW_LAYER]
    ),
    reducer="|".join([*study.reducers, *RAW_VARIANTS]),


def reducers_of(network):
    return entries.reducers(study, network)


def has_reservoirs(network):
    return entries.has_reservoirs(study, network)


def with_control(network):
    """Return a configured network and, where there is one, its untrained control."""
    return [network, f"{network}{UNTRAINED}"] if study.controls.untrained else [network]


def settings_of(network):
    return study.networks[base_name(network)]


def dataset_of(network):
    """Return the dataset of a network, its untrained control, or a raw input."""
    if network.startswith(RAW):
        return network.removeprefix(RAW)
    return settings_of(network).dataset


def frozen(dataset):
    """Return whether only networks that were trained elsewhere read a dataset, and at least one."""
    kinds = {n.kind for n in study.networks.values() if n.dataset == dataset}
    return bool(kinds) and "trained" not in kinds


def networks_of(*kinds):
    """Return a pattern for the networks of some kinds and their untrained controls."""
    names = [name for name in NETWORKS if settings_of(name).kind in kinds]
    # An empty pattern would fit everything.
    return "|".join(names) or "(?!)"


def network_files(network):
    """Return the files that a loaded network is made from: its weights, and what builds it."""
    settings = settings_of(network)
    if settings.kind == "trained":
        return []
    if settings.kind == "adapter":
        weights = f"data/{ADAPTERS[settings.adapter].source.file}"
    elif settings.kind == "keras":
        weights = settings.file
    else:
        weights = settings.weights
    return [weights, *network_code(network)]


def network_code(network):
    """Return the code that builds a network where its name is in the config, and in no import.

    That is the module of a user's factory or of a bundled network, with what it imports.
    """
    settings = settings_of(network)
    if settings.kind == "torch":
        return code_of(settings.factory)
    if settings.kind == "adapter":
        return rule_code.of_module(module_name(settings.adapter))
    return []


def network_settings(wildcards):
    """Return what a job has to know of a network, without how it was trained."""
    settings = settings_of(wildcards.network)
    dumped = settings.model_dump(exclude={"training", "n_seeds"})
    return {**dumped, "layers": settings.layers}


def seeds_of(network):
    return range(settings_of(network).n_seeds)


def layers_of(network):
    return settings_of(network).layers


def sequences_of(wildcards):
    return SEQUENCES.format(dataset=dataset_of(wildcards.network))


def every_seed(pattern, networks=NETWORKS):
    """Fill {network} and {seed} of a path pattern for every training."""
    return [
        pattern.format(network=name, seed=seed)
        for name in networks
        for seed in seeds_of(name)
    ]


def every_layer(pattern, networks=NETWORKS):
    """Fill {network}, {seed} and {layer} of a path pattern for every layer of every training."""
    return [
        pattern.format(network=name, seed=seed, layer=layer)
        for name in networks
        for seed in seeds_of(name)
        for layer in layers_of(name)
    ]


def every_reducer(pattern, network):
    """Fill all but the study of a path pattern for every reduction of one network's layers."""
    return [
        path.format(reducer=reducer)
        for path in every_layer(pattern.replace("{reducer}", "{{reducer}}"), [network])
        for reducer in reducers_of(network)
    ]


def raw_path(pattern, dataset, reducer):
    """Fill a path pattern for a control on a dataset's own inputs."""
    return pattern.format(
        network=f"{RAW}{dataset}", seed=0, layer=RAW_LAYER, reducer=reducer
    )


def raw_paths(pattern, dataset):
    """Fill a path pattern for all controls on a dataset's own inputs."""
    return [raw_path(pattern, dataset, reducer) for reducer in RAW_VARIANTS]


def raw_of(pattern):
    """Return an input function: the controls on the inputs of a network's dataset."""
    return lambda w: raw_paths(pattern, dataset_of(w.network))


def reducer_inputs(pattern):
    """Return an input function: a path for every reducer of one layer."""
    return lambda w: [
        pattern.format(**w, reducer=reducer) for reducer in reducers_of(w.network)
    ]


def source_of(wildcards):
    """Return the fetched file of a dataset, where it has one."""
    source = study.datasets[wildcards.dataset].source
    return f"data/{source.file}" if source else []


def check_debian():
    """Stop before any job where a Debian package is wanted that cannot be had here."""
    for name, dataset in study.datasets.items():
        source = dataset.source
        if source is None or source.kind != "deb":
            continue
        if not Path("data", source.file).exists() and shutil.which("apt-get") is None:
            refuse(
                f"datasets.{name}: needs the Debian package {source.package} {source.version}, "
                "and there is no apt-get here to fetch it with; run the study on Debian, put the "
                f"package at data/{source.file}, or take out this dataset and its networks"
            )


check_debian()
