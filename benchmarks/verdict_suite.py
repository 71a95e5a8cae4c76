"""Train the networks on which the verdict's error rates are measured.

``python benchmarks/verdict_suite.py FOLDER`` trains a GRU, an LSTM and a vanilla network on every
task of :mod:`hmmlens.datasets.synthetic.tasks`, with one thread. Each network is kept in a folder
of its own and is not trained again; ``index.csv`` lists them.
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

from hmmlens.datasets.synthetic.tasks import TASKS
from hmmlens.rnn.equations import TRAINABLE
from hmmlens.roundtrip import suite


def main() -> None:
    """Train what is missing, and print a line for each network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the networks are kept")
    parser.add_argument("--tasks", nargs="+", choices=list(TASKS), metavar="TASK")
    parser.add_argument("--cells", nargs="+", choices=list(TRAINABLE), default=list(TRAINABLE))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--half", nargs="+", choices=["fixing", "reporting"])
    args = parser.parse_args()
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
