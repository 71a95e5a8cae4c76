"""The study's settings: pydantic models that are the only source of keys, types and defaults.

``config.yaml`` and ``workflow/schemas/config.schema.json`` are checked against these models.
:func:`load` turns every mistake into one sentence: the key's path, what was found, what is
allowed, and the nearest valid spelling. The wording is in :mod:`hmmlens.setting_messages`, which
is imported only when there is a mistake to report, as YAML is only when a file is read.
"""

from __future__ import annotations

import os
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from hmmlens.datasets.build import file_datasets
from hmmlens.datasets.settings import DatasetConfig
from hmmlens.hmm.settings import Selection, Sweep
from hmmlens.naming import RAW_PREFIX, UNTRAINED_SUFFIX
from hmmlens.recording.settings import Activations
from hmmlens.reduction.reducers import REDUCERS
from hmmlens.reduction.settings import ReducerConfig
from hmmlens.rnn.settings import LOADED, AdapterNetwork, NetworkConfig, TrainedNetwork, Training
from hmmlens.settings import NAMES_ONLY, Name, Section, Seed, check
from hmmlens.validation.settings import Controls, Validation

# fmt: on


class Study(Section):
    """One study: a config file and all that it makes under ``results/{study}``."""

    study: Name
    title: str = Field(default="Hidden Markov models of trained recurrent networks", min_length=1)
    seed: Seed = Field(default=1, description="every random draw is derived from it")
    device: Literal["auto", "cpu", "cuda"] = "auto"
    datasets: dict[Name, DatasetConfig] = Field(min_length=1, json_schema_extra=NAMES_ONLY)
    networks: dict[Name, NetworkConfig] = Field(min_length=1, json_schema_extra=NAMES_ONLY)
    training: Training = Training()
    activations: Activations = Activations()
    reducers: dict[Name, ReducerConfig] = Field(min_length=1, json_schema_extra=NAMES_ONLY)
    sweep: Sweep = Sweep()
    selection: Selection = Selection()
    validation: Validation = Validation()
    controls: Controls = Controls()

    @field_validator("networks", mode="before")
    @classmethod
    def _default_kind(cls, networks: Any) -> Any:
        if not isinstance(networks, dict):
            return networks
        loaded = {key for kind in LOADED for key in kind.model_fields}
        others = loaded - set(TrainedNetwork.model_fields)
        return {
            name: {"kind": "trained", **section}
            if isinstance(section, dict) and not others & set(section)
            else section
            for name, section in networks.items()
        }

    @model_validator(mode="after")
    def _references(self) -> Study:
        from hmmlens.study import config_names, rules

        problems = [
            *config_names.problems(rules.EXPLAINING, "network", self.networks, "networks"),
            *config_names.problems(rules.EXPLAINING, "reducer", self.reducers, "reducers"),
        ]
        for name, network in self.networks.items():
            problems += config_names.layer_problems(network.layers, f"networks.{name}.layers")
            if network.dataset not in self.datasets:
                from hmmlens.errors import did_you_mean

                problems.append(
                    f"networks.{name}.dataset: there is no dataset {network.dataset!r}"
                    f"{did_you_mean(network.dataset, self.datasets)}, "
                    f"wants one of: {', '.join(self.datasets)}"
                )
            elif isinstance(network, AdapterNetwork):
                from hmmlens.rnn.adapters import ADAPTERS

                wanted = (ADAPTERS[network.adapter].dataset, *file_datasets())
                kind = self.datasets[network.dataset].kind
                if kind not in wanted:
                    problems.append(
                        f"networks.{name}.dataset: {network.adapter} cannot read a dataset of kind "
                        f"{kind}; allowed: {', '.join(wanted)}"
                    )
            if name.endswith(UNTRAINED_SUFFIX) or name.startswith(RAW_PREFIX):
                problems.append(
                    f"networks.{name}: a network's name may not begin with {RAW_PREFIX} or end "
                    f"with {UNTRAINED_SUFFIX}; those names are for controls"
                )
        problems += self._wide_reducers()
        if all(reducer.exploratory for reducer in self.reducers.values()):
            labels = {REDUCERS.label(reducer.kind) for reducer in self.reducers.values()}
            problems.append(
                f"reducers: found {' and '.join(sorted(labels))} alone, which is only exploratory; "
                "add another reducer, "
                "such as pca-8: {kind: pca, n_components: 8}"
            )
        if problems:
            # Each line starts with its own path, because this section is the whole file.
            raise ValueError("\n".join(problems))
        return self

    def _wide_reducers(self) -> list[str]:
        """Return a sentence for each reducer that is wider than every network."""
        networks = self.networks.values()
        if not all(isinstance(network, TrainedNetwork) for network in networks):
            return []
        widest = max(network.width for network in networks if isinstance(network, TrainedNetwork))
        return [
            f"reducers.{name}.n_components: found {wanted}, and no layer of a network has a state "
            f"of more than {widest} values"
            for name, reducer in self.reducers.items()
            if (wanted := getattr(reducer, "n_components", 0)) > widest
        ]

    def training_of(self, network: str) -> Training:
        """Return the training settings of a network: its own, or else the study's.

        Parameters
        ----------
        network : str
            Name of a configured network.

        Returns
        -------
        Training
            The settings.
        """
        section = self.networks[network]
        return (isinstance(section, TrainedNetwork) and section.training) or self.training


def load(raw: Any, source: str = "config.yaml") -> Study:
    """Check a parsed config and return it as a :class:`Study`.

    Parameters
    ----------
    raw : object
        The mapping read from YAML.
    source : str
        Name of the file, for the messages.

    Returns
    -------
    Study
        The checked settings.

    Raises
    ------
    ConfigError
        With one sentence per mistake, each on its own line: ``source: key.path: ...``.
    """
    return check(Study, raw, source)


def read(path: str | os.PathLike[str]) -> Study:
    """Read a config file and check it.

    Parameters
    ----------
    path : str or path-like
        Path of a YAML file.

    Returns
    -------
    Study
        The checked settings.

    Raises
    ------
    ConfigError
        If the file cannot be read, is not YAML, holds a key twice, or has wrong settings.
    """
    from hmmlens.io.yaml_files import read_yaml

    return load(read_yaml(path), os.fspath(path))
