"""Run Snakemake on small studies in folders of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SMOKE = ROOT / "workflow" / "studies" / "smoke.yaml"
PUBLISHED = ROOT / "workflow" / "studies" / "published.yaml"


def command(folder: Path, config: Path, *options: str) -> list[str]:
    """Return the command that runs a study with its results under ``folder``."""
    return [
        *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")),
        *("--directory", str(folder), "--configfile", str(config), *options),
    ]


def snakemake(
    folder: Path, config: Path, *options: str, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run a study; stdout and stderr come back together as ``stdout``.

    Parameters
    ----------
    env : environment variables that differ from those of this process.
    """
    return subprocess.run(
        command(folder, config, *options),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env=os.environ | env,
    )


def csv_files(folder: Path) -> dict[str, bytes]:
    """Return the content of every CSV below ``results``."""
    results = folder / "results"
    return {str(p.relative_to(results)): p.read_bytes() for p in sorted(results.rglob("*.csv"))}
