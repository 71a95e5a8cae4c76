"""Measure how much data a verdict needs.

``python benchmarks/verdict_data.py FOLDER`` judges some of the networks that
``benchmarks/verdict_suite.py`` keeps in the folder by samples of 25 to 400 of their sequences, with
one thread. ``verdict_learning.csv`` has a row for each network and sample, and
``verdict_learning_rates.csv`` the rates by number of sequences. What the first table holds already
is not judged again.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

if __name__ == "__main__" and os.environ.get(THREADS[0]) != "1":
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | dict.fromkeys(THREADS, "1"))

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pandas as pd

from hmmlens.roundtrip import suite, suite_learning

TABLES = Path(__file__).resolve().parent


def main() -> None:
    """Judge what the table lacks, and print the rates."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the networks are kept")
    parser.add_argument("--tables", type=Path, default=TABLES, help="where the tables go")
    args = parser.parse_args()
    path = args.tables / "verdict_learning.csv"
    rows = pd.read_csv(path).to_dict("records") if path.exists() else []
    known = {row["task"] for row in rows}
    for folder in suite_learning.choose_networks(suite.index(args.folder)):
        if folder.partition("-")[0] in known:
            continue
        rows += suite_learning.verdicts(args.folder / folder)
        pd.DataFrame(rows).to_csv(path, index=False, float_format="%.6g")
        print(folder, flush=True)
    rates = suite_learning.rates(pd.read_csv(path))
    rates.to_csv(args.tables / "verdict_learning_rates.csv", index=False, float_format="%.4g")
    print(rates.to_string(index=False))


if __name__ == "__main__":
    main()
