"""Packages: the conda environments and constraints.txt pin the same versions."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ENVS = sorted((ROOT / "envs").glob("*.yaml"))

#: Packages that have another name on conda-forge.
PYPI_NAMES = {"matplotlib-base": "matplotlib", "pytorch": "torch", "pytorch-gpu": "torch"}


def constraints() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line.split("==") for line in lines if not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pins}


def pins_of(env: dict[str, Any]) -> dict[str, str]:
    """Return the pinned version of every package of a conda environment, by its name on PyPI."""
    pins = {}
    for entry in env["dependencies"]:
        if isinstance(entry, dict):
            requirements = [Requirement(line) for line in entry["pip"]]
            pins |= {r.name: str(r.specifier).removeprefix("==") for r in requirements}
        else:
            name, _, version = entry.partition("=")
            pins[PYPI_NAMES.get(name, name)] = version
    return {canonicalize_name(name): version for name, version in pins.items()}


@pytest.mark.parametrize("path", ENVS, ids=lambda path: path.stem)
def test_conda_environment_has_the_pins_of_constraints(path: Path) -> None:
    env = yaml.safe_load(path.read_text())
    pins = pins_of(env)
    python = pins.pop("python")
    pins.pop("pip")
    # With the packages for files that a study may name: Keras's, and tables in Parquet.
    extras = PROJECT["optional-dependencies"]
    wanted = [*PROJECT["dependencies"], *extras["keras"], *extras["parquet"]]
    names = {canonicalize_name(Requirement(line).name) for line in wanted}
    assert pins == {name: constraints()[name] for name in names}
    assert SpecifierSet(PROJECT["requires-python"]).contains(python)
    assert env["channels"] == ["conda-forge", "nodefaults"]


def test_there_is_an_environment_for_each_device() -> None:
    assert [path.stem for path in ENVS] == ["cpu", "gpu"]


def test_constraints_are_exact_and_allowed() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()[1:]
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []
    extras = PROJECT["optional-dependencies"]
    wanted = [*PROJECT["dependencies"], *extras["dev"], *extras["slurm"]]
    for requirement in map(Requirement, wanted):
        assert requirement.specifier.contains(constraints()[canonicalize_name(requirement.name)])
        assert "==" not in str(requirement.specifier)


def test_conda_directives_name_environments() -> None:
    found = []
    for rules in sorted((ROOT / "workflow" / "rules").rglob("*.smk")):
        for name in re.findall(r'^\s*conda:\s*"([^"]+)"', rules.read_text(), flags=re.MULTILINE):
            found.append((rules.parent / name).resolve())
    assert found
    assert set(found) <= set(ENVS)
