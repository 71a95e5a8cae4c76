"""Train the networks on which the verdict's error rates are measured.

``python benchmarks/verdict_suite.py FOLDER`` trains a GRU, an LSTM and a vanilla network on every
task of :mod:`hmmlens.datasets.synthetic.tasks`, with one thread. Each network is kept in a folder
of its own and is not trained again; ``index.csv`` lists them. With ``--judge`` each network in the
folder is judged, before and after training; the verdicts are written to ``verdicts.csv`` there, and
their error rates to ``rates.csv`` and to the screen.
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

from hmmlens.datasets.synthetic.tasks import TASKS
from hmmlens.rnn.equations import TRAINABLE
from hmmlens.roundtrip import suite, suite_rates


def judge(folder: Path) -> None:
    """Judge what is in the folder, and write verdicts and error rates."""
    rows = []
    for name in suite.index(folder)["folder"]:
        for untrained in (False, True):
            rows.append(suite_rates.judge(folder / name, untrained))
        print(f"{name}: {rows[-2]['grade']}, untrained {rows[-1]['grade']}", flush=True)
    verdicts = pd.DataFrame(rows)
    verdicts.to_csv(folder / "verdicts.csv", index=False, float_format="%.4g")
    rates = suite_rates.rates(verdicts)
    rates.to_csv(folder / "rates.csv", index=False, float_format="%.4g")
    print(rates.to_string(index=False))


def main() -> None:
    """Train what is missing, and print a line for each network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the networks are kept")
    parser.add_argument("--tasks", nargs="+", choices=list(TASKS), metavar="TASK")
    parser.add_argument("--cells", nargs="+", choices=list(TRAINABLE), default=list(TRAINABLE))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--half", nargs="+", choices=["fixing", "reporting"])
    parser.add_argument("--judge", action="store_true", help="judge the networks in the folder")
    args = parser.parse_args()
    if args.judge:
        judge(args.folder)
        return
    halves = args.half or ["fixing", "reporting"]
    names = [n for half in halves for n in args.tasks or TASKS if TASKS[n].half == half]
    for seed in args.seeds:
        for cell in args.cells:
            for name in names:
                record = suite.read_record(suite.train_network(name, cell, seed, args.folder))
                suite.write_index(args.folder)
                print(
                    f"{name} {cell} {seed}: {record['answer']}, loss {record['loss']:.4f} of "
                    f"{record['marginal']:.4f}, {record['remaining']:.1%} remain, "
                    f"{record['seconds']:g} s",
                    flush=True,
                )


if __name__ == "__main__":
    main()
