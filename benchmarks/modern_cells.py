"""Which grades do networks of modern recurrent cells get on tasks with a known answer?

``python benchmarks/modern_cells.py FOLDER`` trains the cells of
:data:`hmmlens.rnn.cells.registry.MODERN`, and a GRU and a vanilla network next to them, on counters
and latches, whose answer is discrete states, and on continua, with one thread; judges each network;
and writes ``modern_cells.csv`` after each. Networks and verdicts that are there already are kept.
``--minutes`` stops after so many minutes of CPU time. ``--page`` writes the tables of
``docs/modern_cells.md`` from the CSV file.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from pathlib import Path

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

if __name__ == "__main__" and os.environ.get(THREADS[0]) != "1":
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | dict.fromkeys(THREADS, "1"))

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pandas as pd
import torch

from hmmlens.datasets.build import build
from hmmlens.datasets.synthetic.task import TaskData
from hmmlens.datasets.synthetic.tasks import TASKS
from hmmlens.datasets.synthetic.tasks.base import Recipe
from hmmlens.rnn import training
from hmmlens.rnn.cells.registry import MODERN
from hmmlens.rnn.equations import CELLS
from hmmlens.roundtrip import suite, suite_verdicts
from hmmlens.seeds import derive_seed
from hmmlens.stats.shares import share

FOLDER = Path(__file__).resolve().parent
TABLE, PAGE = FOLDER / "modern_cells.csv", FOLDER.parent / "docs" / "modern_cells.md"
#: Counters, which diagonal linear recurrences with positive coefficients cannot track for any
#: length; latches, which they can; continua.
COUNTERS = ("parity", "mod3", "set_reset_toggle")
LATCHES = ("flipflop2", "flipflop3")
CONTINUA = ("integrator", "analogue_hold", "leaky")
#: Cells whose recurrence is not linear, to compare with.
REFERENCES = ("gru", "vanilla")
RECIPE = Recipe(n_units=16, n_sequences=800, n_steps=50, n_epochs=40)
#: Steps of the sequences on which it is tested whether what was learnt holds for longer ones.
LONG = 200
#: What of a verdict stands in the table.
COLUMNS = [
    *("task", "answer", "n_states", "cell", "recurrence", "seed", "remaining", "long"),
    *("grade", "n_claimed", "epochs", "seconds", "cpu"),
]


def remaining_on_long(place: Path) -> float:
    """Return the share of the loss that is left on sequences of :data:`LONG` steps."""
    record = suite.read_record(place)
    network, _ = suite.load(place)
    drawn = TaskData(kind="task", name=record["task"], n_sequences=100, n_steps=LONG)
    data = build(drawn, derive_seed(record["seed"], "long", record["task"]))
    part = training.by_split(data, torch.device("cpu"))["test"]
    losses = training.evaluate(network, part)
    loss = losses.nll if network.symbols_out else losses.mse
    floor = record["floor"] or 0.0
    return (loss - floor) / (record["marginal"] - floor)


def measure(task: str, cell: str, seed: int, folder: Path) -> dict[str, object]:
    """Train and judge one network, and return its row."""
    place = suite.train_network(task, cell, seed, folder, RECIPE)
    record, verdict = suite.read_record(place), suite_verdicts.judge(place)
    kind = MODERN[cell].recurrence if cell in MODERN else "nonlinear"
    row = record | verdict | {"recurrence": kind, "long": remaining_on_long(place)}
    return {name: row.get(name) for name in COLUMNS}


def run(folder: Path, out: Path, seeds: list[int], minutes: float) -> None:
    """Measure what is missing in the table, seed by seed, until the time is over."""
    rows = pd.read_csv(out).to_dict("records") if out.exists() else []
    known = {(row["task"], row["cell"], row["seed"]) for row in rows}
    for seed in seeds:
        for task in (*COUNTERS, *LATCHES, *CONTINUA):
            for cell in (*MODERN, *REFERENCES):
                if (task, cell, seed) in known:
                    continue
                if time.process_time() > 60 * minutes:
                    print(f"{minutes:g} minutes are over before {task}, {cell}, seed {seed}")
                    return
                rows.append(measure(task, cell, seed, folder))
                pd.DataFrame(rows, columns=COLUMNS).to_csv(out, index=False, float_format="%.4g")
                row = rows[-1]
                print(f"{task} {cell} {seed}: {row['grade']}, {row['remaining']:.3f}", flush=True)


def label(cell: str) -> str:
    """Return the name of a cell in tables."""
    return MODERN.label(cell) if cell in MODERN else CELLS.label(cell)


def grades(found: pd.DataFrame) -> pd.DataFrame:
    """Return the grades of each cell on each task, one row for each cell."""

    def _grades(part: pd.Series) -> str:
        return ", ".join(f"{n} {grade}" for grade, n in part.value_counts(sort=False).items())

    wide = found.pivot_table(
        index=["recurrence", "cell"], columns="task", values="grade", aggfunc=_grades, sort=False
    )
    tasks = [task for task in TASKS if task in wide.columns]
    wide = wide[tasks].fillna("").reset_index()
    return wide.assign(cell=wide["cell"].map(label))


def rates(found: pd.DataFrame) -> pd.DataFrame:
    """Return how many networks get D, by recurrence and kind of task, with exact intervals."""
    rows = []
    kinds = {"counters": COUNTERS, "latches": LATCHES, "continua": CONTINUA}
    for recurrence in ("fixed", "gated", "nonlinear"):
        for kind, tasks in kinds.items():
            part = found[found["recurrence"].eq(recurrence) & found["task"].isin(tasks)]
            discrete, learnt = part["grade"].eq("D"), part["remaining"].le(0.1)
            exact = discrete & part["n_claimed"].eq(part["n_states"])
            estimate = share(int(discrete.sum()), len(part))
            rows.append(
                {
                    "recurrence": recurrence,
                    "tasks": kind,
                    "networks": len(part),
                    "learnt": int(learnt.sum()),
                    "learnt for 200 steps": int(part["long"].le(0.1).sum()),
                    "D": f"{int(discrete.sum())} ({estimate.low:.2f} to {estimate.high:.2f})",
                    "number of states exact": int(exact.sum()) if kind != "continua" else "",
                }
            )
    return pd.DataFrame(rows)


def markdown(table: pd.DataFrame) -> str:
    """Return a table as Markdown."""
    lines = [table.columns, ["---"] * table.shape[1], *table.astype(str).to_numpy()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def tables() -> dict[str, str]:
    """Return the tables of the page by their names."""
    found = pd.read_csv(TABLE)
    return {"grades": markdown(grades(found)), "rates": markdown(rates(found))}


def write_page() -> None:
    """Replace the tables of the page, each behind a comment with its name."""
    page = PAGE.read_text(encoding="utf-8")
    for name, text in tables().items():
        pattern = rf"(<!-- table: {name} -->\n).*?\n(?=\n|\Z)"
        page = re.sub(pattern, lambda m, text=text: f"{m[1]}{text}\n", page, flags=re.DOTALL)
    PAGE.write_text(page, encoding="utf-8")


def main() -> None:
    """Measure, and write the page if that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the networks are kept")
    parser.add_argument("--out", type=Path, default=TABLE, help="the CSV file")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--minutes", type=float, default=float("inf"), help="of CPU time")
    parser.add_argument("--page", action="store_true", help="only write the page's tables")
    args = parser.parse_args()
    if args.page:
        write_page()
    else:
        run(args.folder, args.out, args.seeds, args.minutes)


if __name__ == "__main__":
    main()
