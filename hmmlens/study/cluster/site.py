"""What one cluster calls its partitions, accounts and GPUs: the settings of ``site.yaml``."""

from __future__ import annotations

import os
from typing import Any

from pydantic import Field

from hmmlens.errors import ConfigError, did_you_mean
from hmmlens.io.yaml_files import read_yaml
from hmmlens.settings import Section, check


class GPU(Section):
    """Where jobs with a GPU run."""

    partition: str | None = Field(default=None, min_length=1)
    model: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_.]+$")
    constraint: str | None = Field(default=None, min_length=1)


class Limits(Section):
    """What no job may exceed."""

    runtime: int = Field(default=1440, ge=1, description="minutes")
    mem_mb: int = Field(default=64000, ge=1000)


class Site(Section):
    """Settings of one cluster."""

    partition: str | None = Field(default=None, min_length=1)
    account: str | None = Field(default=None, min_length=1)
    qos: str | None = Field(default=None, min_length=1)
    gpu: GPU | None = None
    limits: Limits = Limits()
    tell_after: float = Field(default=30.0, gt=0, description="minutes")

    def resources(self, n_gpus: int) -> dict[str, str]:
        """Return what a job has to ask this cluster for, by Snakemake's names.

        Parameters
        ----------
        n_gpus : int
            Devices that the job asks for; with 0 it runs where jobs without a GPU run.

        Returns
        -------
        dict of str to str
            Names of resources and their values; settings that are not given are left out.
        """
        gpu = self.gpu if n_gpus else None
        asked = {
            "slurm_partition": gpu.partition if gpu else self.partition,
            "slurm_account": self.account,
            "qos": self.qos,
            "gpu_model": gpu.model if gpu else None,
            "constraint": gpu.constraint if gpu else None,
        }
        return {name: value for name, value in asked.items() if value is not None}


def read(path: str | os.PathLike[str]) -> Site:
    """Read ``site.yaml`` and check it.

    Parameters
    ----------
    path : str or path-like
        Path of the file.

    Returns
    -------
    Site
        The checked settings.

    Raises
    ------
    ConfigError
        With a sentence for each mistake.
    """
    raw: Any = read_yaml(path)
    return check(Site, {} if raw is None else raw, os.fspath(path))


def check_names(site: Site, partitions: list[str], gres: list[str], source: str) -> None:
    """Compare the names in a site's settings with those of the cluster.

    Parameters
    ----------
    site : Site
        Settings of the cluster.
    partitions : list of str
        Partitions of the cluster, from ``sinfo -o %R``.
    gres : list of str
        Generic resources of its nodes, from ``sinfo -o %G``, such as ``gpu:a100:4``.
    source : str
        Name of the settings file, for the message.

    Raises
    ------
    ConfigError
        When the cluster has no such partition or GPU.
    """
    named = {"partition": site.partition}
    if site.gpu is not None:
        named["gpu.partition"] = site.gpu.partition
    for key, name in named.items():
        if name is not None and name not in partitions:
            raise ConfigError(
                f"{source}: {key}: this cluster has no partition {name!r}"
                f"{did_you_mean(name, partitions)}, it has: {', '.join(partitions)}"
            )
    if site.gpu is None:
        return
    kinds = [part.split("(")[0].split(":") for text in gres for part in text.split(",")]
    models = sorted({kind[1] for kind in kinds if kind[0] == "gpu" and len(kind) > 2})
    if not any(kind[0] == "gpu" for kind in kinds):
        raise ConfigError(f"{source}: gpu: this cluster shows no node with a GPU; take gpu out")
    if site.gpu.model is not None and site.gpu.model not in models:
        raise ConfigError(
            f"{source}: gpu.model: this cluster has no GPU named {site.gpu.model!r}"
            f"{did_you_mean(site.gpu.model, models)}, it has: {', '.join(models) or 'no names'}"
        )
