"""Compare a study's tables between processors: ``python benchmarks/kernels.py [STUDY ...]``.

The study runs once with each set of arithmetic kernels that this processor can play: those for
AVX-512, those for AVX2 (most AMD and older Intel processors), and those without either. NumPy,
OpenBLAS, PyTorch, oneDNN, MKL and the compiled E-step are set by environment variables, which is
why this shows what happens between machines. One table of results is printed for each study: for
each of its CSV tables the largest difference of a number, as a share of the largest magnitude in
its column, and how many whole numbers and words (numbers of states, restarts, grades) are others.

All runs use one core. Everything is written below ``--folder``.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from hmmlens.hmm.engine.kernel import loading


def numpy_features(*kept: str) -> str:
    """Return NumPy's dispatched features of this processor, but for those that are kept."""
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    return " ".join(f for f in __cpu_dispatch__ if __cpu_features__[f] and not f.startswith(kept))


#: Name -> environment of the runs; the first is what the others are compared with.
KERNELS = {
    "AVX-512": {
        "OPENBLAS_CORETYPE": "SkylakeX",
        "ATEN_CPU_CAPABILITY": "avx512",
        "ONEDNN_MAX_CPU_ISA": "AVX512_CORE",
        "MKL_ENABLE_INSTRUCTIONS": "AVX512",
        "HMMLENS_KERNEL": "auto",
    },
    "AVX2": {
        "OPENBLAS_CORETYPE": "Haswell",
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "HMMLENS_KERNEL": "v3" if "v3" in loading.available() else "numpy",
        "NPY_DISABLE_CPU_FEATURES": numpy_features("AVX2", "FMA", "F16C", "X86_V3", "X86_V2"),
    },
    "neither": {
        "OPENBLAS_CORETYPE": "Nehalem",
        "ATEN_CPU_CAPABILITY": "default",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
        "HMMLENS_KERNEL": "numpy",
        "NPY_DISABLE_CPU_FEATURES": numpy_features("X86_V2"),
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-AVX512F",
    },
}


class Difference(NamedTuple):
    """How two versions of a table differ.

    relative : largest difference of a number as a share of the largest magnitude in its column
    n_discrete : cells of whole numbers and words that differ
    n_cells : cells of whole numbers and words
    same_shape : whether rows and columns are the same; if not, nothing else is compared
    """

    relative: float
    n_discrete: int
    n_cells: int
    same_shape: bool


def compare(one: pd.DataFrame, two: pd.DataFrame) -> Difference:
    """Return how two tables differ; a number that is there in one of them only counts as 100 %."""
    if one.shape != two.shape or list(one) != list(two):
        return Difference(np.nan, 0, 0, False)
    largest, n_discrete, n_cells = 0.0, 0, 0
    for column in one:
        a, b = one[column], two[column]
        if a.dtype.kind == "f" and b.dtype.kind == "f":
            scale = np.nanmax(np.abs([a, b]), initial=0.0, where=np.isfinite([a, b]))
            if (a.isna() != b.isna()).any():
                largest = max(largest, 1.0)
            elif scale > 0:
                gap = (a - b).abs()
                largest = max(largest, float(gap[np.isfinite(gap)].max()) / scale)
        else:
            n_cells += len(a)
            n_discrete += int(((a != b) & ~(a.isna() & b.isna())).sum())
    return Difference(largest, n_discrete, n_cells, True)


def run(study: Path, folder: Path, env: dict[str, str]) -> dict[str, pd.DataFrame]:
    """Run a study and return its tables."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [
            *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")),
            *("--directory", str(folder), "--configfile", str(study), "--cores", "1"),
        ],
        check=True,
        stdout=sys.stderr,
        env=os.environ | env,
    )
    tables = next((folder / "results").glob("*/tables"))
    return {path.stem: pd.read_csv(path) for path in sorted(tables.glob("*.csv"))}


def words(found: Difference) -> str:
    """Return one cell of the printed table."""
    if not found.same_shape:
        return "other rows"
    numbers = "equal" if found.relative == 0 else f"{found.relative:.0e}"
    return numbers + (f", {found.n_discrete} of {found.n_cells} others" if found.n_discrete else "")


def main() -> None:
    """Run the studies and print how their tables differ."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    smoke = ROOT / "workflow" / "studies" / "smoke.yaml"
    parser.add_argument("studies", nargs="*", type=Path, default=[smoke])
    parser.add_argument("--folder", type=Path, default=None)
    args = parser.parse_args()
    folder = args.folder or Path(tempfile.mkdtemp(prefix="kernels-"))
    for study in args.studies:
        results = {
            name: run(study.resolve(), folder / study.stem / name, env)
            for name, env in KERNELS.items()
        }
        first, *others = results
        print(f"\n{study.stem}: differences from {first}\n")
        print(f"| table | {' | '.join(others)} |\n|---|{'---|' * len(others)}")
        for table, values in results[first].items():
            cells = [words(compare(values, results[name][table])) for name in others]
            print(f"| {table} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
