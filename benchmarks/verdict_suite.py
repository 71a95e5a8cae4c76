"""Train the networks on which the verdict's error rates are measured, and judge them.

``python benchmarks/verdict_suite.py FOLDER`` trains the networks of
:func:`hmmlens.roundtrip.suite.members`: a GRU, an LSTM and a vanilla network on every task of
:mod:`hmmlens.datasets.synthetic.tasks`, and two more of each on continua of the half ``reporting``,
with one thread. Each network is kept in a folder of its own and is not trained again; ``index.csv``
lists them. With ``--judge`` each network in the folder is judged after training and before, and
surrogates of its activations are; what ``verdicts.csv`` holds already is not judged again. The
tables then go to the folder ``--tables``: ``verdict_networks.csv`` (a row for each network and
role), ``verdict_rates.csv``, ``verdict_tasks.csv``, ``verdict_roc.csv``, ``verdict_curves.csv``
and ``verdict_ablation.csv``.
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
from hmmlens.rnn.cells.registry import MODERN
from hmmlens.rnn.equations import TRAINABLE
from hmmlens.roundtrip import suite, suite_ablation, suite_rates, suite_roc, suite_verdicts


def judge(folder: Path, roles: list[str]) -> pd.DataFrame:
    """Judge what is in the folder and has no verdict yet, and return all verdicts."""
    path = folder / "verdicts.csv"
    rows = pd.read_csv(path).to_dict("records") if path.exists() else []
    names = ("task", "cell", "seed", "role")
    known = {tuple(row[name] for name in names) for row in rows}
    for role in roles:
        for one in suite.index(folder).itertuples():
            if (one.task, one.cell, one.seed, role) in known:
                continue
            rows.append(suite_verdicts.judge(folder / str(one.folder), role))
            partial = path.with_suffix(".partial")
            pd.DataFrame(rows).to_csv(partial, index=False, float_format="%.6g")
            partial.replace(path)
            print(f"{one.folder} {role}: {rows[-1]['grade']}", flush=True)
    return pd.read_csv(path)


def write(verdicts: pd.DataFrame, folder: Path) -> None:
    """Write the tables of the verdicts, and print the error rates."""
    tables = {
        "networks": verdicts.drop(columns=["reasons", "trained"]),
        "rates": suite_rates.rates(verdicts),
        "tasks": suite_rates.by_task(verdicts),
        "ablation": suite_ablation.ablation(verdicts),
    }
    tables["roc"], tables["curves"] = suite_roc.roc_curves(verdicts)
    for name, table in tables.items():
        digits = "%.6g" if name == "networks" else "%.4g"
        table.to_csv(folder / f"verdict_{name}.csv", index=False, float_format=digits)
    print(tables["rates"].to_string(index=False))


def main() -> None:
    """Train what is missing, and print a line for each network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the networks are kept")
    parser.add_argument("--tasks", nargs="+", choices=list(TASKS), metavar="TASK")
    cells = [*TRAINABLE, *MODERN]
    parser.add_argument("--cells", nargs="+", choices=cells, default=list(TRAINABLE))
    parser.add_argument("--half", nargs="+", choices=["fixing", "reporting"])
    parser.add_argument("--judge", action="store_true", help="judge the networks in the folder")
    parser.add_argument("--roles", nargs="+", choices=suite_verdicts.ROLES, metavar="ROLE")
    parser.add_argument("--tables", type=Path, help="where the tables go; by default the folder")
    args = parser.parse_args()
    if args.judge:
        roles = args.roles or list(suite_verdicts.ROLES)
        write(judge(args.folder, roles), args.tables or args.folder)
        return
    for name, cell, seed in suite.members(args.cells):
        if TASKS[name].half not in (args.half or [TASKS[name].half]):
            continue
        if args.tasks and name not in args.tasks:
            continue
        record = suite.read_record(suite.train_network(name, cell, seed, args.folder))
        suite.write_index(args.folder)
        print(
            f"{name} {cell} {seed}: {record['answer']}, loss {record['loss']:.4f} of "
            f"{record['marginal']:.4f}, {record['remaining']:.1%} remain, {record['seconds']:g} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
