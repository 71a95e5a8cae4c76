"""CPU time before each script of the workflow begins: ``python benchmarks/startup.py [FOLDER]``.

It runs Python with what Snakemake puts before a script, and the script's imports, and prints CPU
seconds and memory at their end: the median of several runs, by turns. With the folders of several
clones it compares these. Nothing else of a script runs, so imports within functions do not count;
``hmmlens timings`` has what whole jobs took.
"""

from __future__ import annotations

import argparse
import ast
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: What Snakemake imports before a script.
BEFORE = "import sys, pickle; from snakemake.logging import logger; import snakemake.iocontainers\n"
AFTER = """
import resource, time
print(time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def imports(script: Path) -> str:
    """Return the imports at the top of a script."""
    nodes = ast.parse(script.read_text()).body
    found = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
    return "\n".join(map(ast.unparse, found))


def run(folder: Path, code: str) -> tuple[float, float]:
    """Return CPU seconds and MB of a process that ends after some imports."""
    path = os.pathsep.join([str(folder), str(folder / "workflow" / "scripts")])
    done = subprocess.run(
        [sys.executable, "-c", BEFORE + code + AFTER],
        env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, check=True, cwd=folder,
    )  # fmt: skip
    seconds, mb = map(float, done.stdout.split())
    return seconds, mb


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="*", default=[ROOT], help="clones to compare")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", nargs="*", help="rules to measure; default: all")
    args = parser.parse_args()
    folders = [folder.resolve() for folder in args.folders]
    heads = [f"{folder.name}: {what}" for folder in folders for what in ("CPU s", "MB")]
    print("| rule | " + " | ".join(heads) + " |\n|" + (1 + len(heads)) * "---|")
    for script in sorted((folders[0] / "workflow" / "scripts").glob("*.py")):
        if script.stem == "job" or (args.only and script.stem not in args.only):
            continue
        code = {f: imports(f / "workflow" / "scripts" / script.name) for f in folders}
        taken: dict[Path, list[tuple[float, float]]] = {folder: [] for folder in folders}
        for _ in range(args.repeats):
            for folder in folders:
                taken[folder].append(run(folder, code[folder]))
        cells = []
        for folder in folders:
            seconds, mb = map(statistics.median, zip(*taken[folder], strict=True))
            cells += [f"{seconds:.2f}", f"{mb:.0f}"]
        print("| " + " | ".join([script.stem, *cells]) + " |", flush=True)


if __name__ == "__main__":
    main()
