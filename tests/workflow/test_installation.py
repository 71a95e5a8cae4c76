"""What ``pip install .`` installs is a library and a command that need no clone."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from tests.workflow.runs import ROOT, SMOKE

pytestmark = pytest.mark.study

Run = Callable[..., "subprocess.CompletedProcess[str]"]

NETWORK = """
import torch

class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = torch.nn.GRU(2, 3, batch_first=True)
        self.out = torch.nn.Linear(3, 2)

    def forward(self, x):
        return self.out(self.rnn(x)[0])

def build():
    return Network()
"""


def checked(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
    done: subprocess.CompletedProcess[str] = subprocess.run(  # type: ignore[call-overload]
        command, capture_output=True, text=True, check=False, **options
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done


def build(folder: Path, **env: str) -> Path:
    """Build the wheel from a copy of the sources, without the network."""
    source, built = folder / "source", folder / "built"
    source.mkdir()
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    unwanted = shutil.ignore_patterns("__pycache__", "*.so")
    shutil.copytree(ROOT / "hmmlens", source / "hmmlens", ignore=unwanted)
    checked(
        [
            *(sys.executable, "-m", "pip", "wheel", str(source), "--no-deps"),
            *("--no-build-isolation", "--no-index", "--wheel-dir", str(built)),
        ],
        env=os.environ | env,
    )
    (path,) = built.glob("hmmlens-*.whl")
    return path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("wheel"))


def kernels(wheel: Path) -> list[str]:
    """Return the compiled libraries in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return sorted(Path(name).name for name in archive.namelist() if name.endswith(".so"))


@pytest.fixture(scope="module")
def run(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a function that runs a command of a virtual environment with the wheel in it."""
    place = tmp_path_factory.mktemp("environment") / "venv"
    checked([sys.executable, "-m", "venv", "--without-pip", str(place)])
    python = place / "bin" / "python"
    checked(
        [
            *(sys.executable, "-m", "pip", "--python", str(python), "install", str(wheel)),
            *("--no-deps", "--no-index", "--disable-pip-version-check"),
        ]
    )
    (site,) = place.glob("lib/python*/site-packages")
    # The packages of this environment, but not its editable installation: of a folder that a .pth
    # file names, Python reads no other .pth file.
    (site / "environment.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(command: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        return checked([str(place / "bin" / command), *arguments], cwd=cwd, env=env)

    found = run("python", "-c", "import hmmlens; print(hmmlens.__file__)", cwd=place)
    assert Path(found.stdout.strip()).is_relative_to(site), found.stdout
    return run


def test_every_module_and_data_file_is_in_the_wheel(wheel: Path) -> None:
    tracked = checked(["git", "ls-files", "hmmlens"], cwd=ROOT).stdout.split()
    with zipfile.ZipFile(wheel) as archive:
        assert set(tracked) <= set(archive.namelist())


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or platform.machine() != "x86_64",
    reason="the kernel is built on Linux and x86-64 alone",
)
@pytest.mark.skipif(shutil.which("c++") is None, reason="there is no C++ compiler")
def test_the_wheel_has_the_kernel_and_runs_on_every_python(wheel: Path) -> None:
    assert kernels(wheel) == ["estep_v3.so", "estep_v4.so"]
    assert "-py3-none-linux_" in wheel.name


def test_without_a_compiler_the_engine_runs_in_numpy(tmp_path: Path) -> None:
    wheel = build(tmp_path, CC="false", CXX="false")
    assert kernels(wheel) == []
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    program = (
        "import logging, numpy, hmmlens\n"
        "logging.basicConfig(level='INFO')\n"
        "model = hmmlens.GaussianHMM(2, n_iter=3, random_state=0).fit(numpy.eye(20)[None])\n"
        "print(hmmlens.__file__, model.monitor_.history[-1])\n"
    )
    # Python reads this folder before the packages of the environment.
    env = os.environ | {"PYTHONPATH": str(tmp_path / "site")}
    done = checked([sys.executable, "-P", "-c", program], env=env, cwd=tmp_path)
    assert done.stdout.startswith(str(tmp_path / "site")) and np.isfinite(
        float(done.stdout.split()[1])
    )
    assert "runs in NumPy, because the compiled kernel is not built" in done.stderr


def test_explain_runs_in_another_folder(run: Run, tmp_path: Path) -> None:
    (tmp_path / "my_network.py").write_text(NETWORK)
    namespace: dict[str, Callable[[], torch.nn.Module]] = {}
    exec(NETWORK, namespace)
    save_file(namespace["build"]().state_dict(), tmp_path / "weights.safetensors")
    values = np.random.default_rng(0).normal(size=(120, 2))
    step = np.arange(120)
    columns = {"sequence": step // 10, "time": step % 10, "left": values[:, 0]}
    pd.DataFrame(columns | {"right": values[:, 1]}).to_csv(tmp_path / "data.csv", index=False)
    (tmp_path / "settings.yaml").write_text("sweep: {n_states: [1, 2], n_restarts: 1}\n")
    run(
        "hmmlens",
        *("explain", "my_network:build", "--weights", "weights.safetensors"),
        *("--data", "data.csv", "--out", "found", "--config", "settings.yaml", "--no-untrained"),
        cwd=tmp_path,
    )
    assert (tmp_path / "found" / "explanation.html").is_file()


def test_plan_runs_in_another_folder(run: Run, tmp_path: Path) -> None:
    shutil.copy(SMOKE, tmp_path / "study.yaml")
    done = run("hmmlens", "plan", "--configfile", "study.yaml", cwd=tmp_path)
    assert "sweep_states" in done.stdout and "core-hours" in done.stdout


def test_partial_reports_a_study_in_another_folder(run: Run, smoke: Path, tmp_path: Path) -> None:
    shutil.copy(SMOKE, tmp_path / "study.yaml")
    shutil.copytree(smoke / "results", tmp_path / "results", symlinks=True)
    run("hmmlens", "partial", "--configfile", "study.yaml", cwd=tmp_path)
    folder = tmp_path / "results" / "smoke" / "partial_report"
    assert (folder / "report.pdf").stat().st_size > 10_000
