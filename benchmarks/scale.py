"""How costs grow: ``python benchmarks/scale.py [--quick]``.

One thing is varied at a time: sequences of 100 steps, units of a GRU, states of the hidden Markov
models, components they are fitted to, and sweeps whose results are gathered. Each stage runs in a
process of its own. Of each the CPU seconds (the smaller of two runs), the peak memory above what
the process held before, and the size of its store are measured. The exponent is the slope of the
logarithms over the three largest sizes: at 1, ten times as much costs ten times as much.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

#: What does not grow, and the sizes of what does.
BASE = {"sequences": 1000, "units": 64, "states": 8, "components": 8, "sweeps": 1}
AXES: dict[str, list[int]] = {
    "sequences": [500, 1000, 2000, 4000, 8000],
    "units": [32, 64, 128, 256, 512],
    "states": [4, 8, 16, 32, 64],
    "components": [4, 8, 16, 32, 64],
    "sweeps": [25, 50, 100, 200, 400],
}
STAGES = {
    "sequences": ("training", "extraction", "reduction", "sweep"),
    "units": ("training", "extraction", "reduction"),
    "states": ("sweep",),
    "components": ("sweep",),
    "sweeps": ("tables",),
}
EPOCHS, RESTARTS, STEPS = 2, 2, 10


def peak_kb() -> int:
    """Return the peak of memory since it was last forgotten."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


def measured(stage: Callable[[], None], store: Path) -> dict[str, float]:
    """Run one stage twice, and return what it took."""
    # What was freed before would be used again, and not be counted.
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    before, seconds = peak_kb(), []
    for _ in range(2):
        began = time.process_time()
        stage()
        seconds.append(time.process_time() - began)
    took = {"seconds": min(seconds), "mb": max(peak_kb() - before, 1) / 1e3}
    if store.exists():
        files = (f for f in store.rglob("*") if f.is_file())
        took["disk_mb"] = sum(512 * f.stat().st_blocks for f in files) / 1e6
    return took


class Stages:
    """The stages of a study at one point, each after the one before it."""

    def __init__(self, at: dict[str, int], folder: Path) -> None:
        import torch

        from hmmlens.datasets.build import build
        from hmmlens.datasets.synthetic.flipflop import FlipFlopData
        from hmmlens.rnn import recurrent_network
        from hmmlens.rnn.settings import TrainedNetwork

        torch.set_num_threads(1)
        self.at, self.folder = at, folder
        settings = FlipFlopData(kind="flipflop", n_sequences=at["sequences"], n_steps=100)
        self.data = build(settings, 1, None)
        network = TrainedNetwork(dataset="d", cell="gru", n_units=at["units"])
        self.network = recurrent_network.for_dataset(
            network.model_dump(), self.data.attrs, self.data.sizes, 1
        )

    def path(self, stage: str) -> Path:
        """Return the store of a stage."""
        return self.folder / f"{stage}.zarr"

    def training(self) -> None:
        """Train for some epochs."""
        import torch

        from hmmlens.rnn import training
        from hmmlens.rnn.settings import Training

        splits = training.by_split(self.data, torch.device("cpu"))
        settings = Training(max_epochs=EPOCHS, patience=EPOCHS)
        training.train(self.network, splits, settings, 1, self.folder / "checkpoint.pt", "")

    def extraction(self) -> None:
        """Record all states."""
        from hmmlens import extract

        labels = {"split": self.data["split"].to_numpy()}
        extract(self.network, self.data["input"], store=self.path("extraction"), labels=labels,
                progress=False)  # fmt: skip

    def reduction(self) -> None:
        """Fit PCA and apply it."""
        from hmmlens.recording import activations
        from hmmlens.reduction import reduced_store

        path = self.path("extraction")
        root, layer = activations.read(path), activations.read(path, "layer0")
        settings = {"kind": "pca", "n_components": self.at["components"]}
        states = activations.States(root, layer, "both")
        reduced_store.write_reduced(states, root, settings, 0, self.path("reduction"), {})

    def sweep(self) -> None:
        """Fit hidden Markov models with one number of states."""
        from hmmlens.hmm import storage
        from hmmlens.io import store

        found = storage.fit(
            store.read(self.path("reduction"), "reduced"), n_states=[1, self.at["states"]],
            covariance_types=["tied"], n_restarts=RESTARTS, max_iter=STEPS, tol=1e-12,
        )  # fmt: skip
        store.write(found, self.path("sweep"), "sweep", {})

    def tables(self) -> None:
        """Gather the fits of many sweeps: one of them, again and again."""
        from hmmlens.io import store
        from hmmlens.report.explain import gather

        layer = {**gather.build_raw_key("d"), "reducer": "r"}
        sweeps = (store.read(self.path("sweep"), "sweep") for _ in range(self.at["sweeps"]))
        gather.gather_fits((layer, False, sweep) for sweep in sweeps)


NAMES = ("training", "extraction", "reduction", "sweep", "tables")


def point(axis: str, value: int, stage: str, folder: Path) -> dict[str, float]:
    """Measure a stage at a value of an axis; those before it have left their stores."""
    # What is imported at the first use is no part of what grows.
    warm = Stages({**BASE, "sequences": 50}, folder / "warm")
    for name in NAMES[: NAMES.index(stage) + 1]:
        getattr(warm, name)()
    stages = Stages({**BASE, axis: value}, folder)
    return measured(getattr(stages, stage), stages.path(stage))


def exponent(values: list[int], took: list[float]) -> float:
    """Return the slope of the logarithms over the three largest sizes."""
    from math import log

    xs, ys = [log(v) for v in values[-3:]], [log(t) for t in took[-3:]]
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    return sum((a - x) * (b - y) for a, b in zip(xs, ys, strict=True)) / sum(
        (a - x) ** 2 for a in xs
    )


def along(axis: str, values: list[int]) -> dict[str, list[dict[str, float]]]:
    """Return stage -> what it took at each value."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in STAGES[axis]}
    env = os.environ | dict.fromkeys(THREADS, "1")
    for value in values:
        with tempfile.TemporaryDirectory(prefix="scale-") as folder:
            for stage in NAMES[: 1 + max(map(NAMES.index, STAGES[axis]))]:
                if stage == "training" and stage not in STAGES[axis]:
                    continue
                command = [sys.executable, __file__, "--point", axis, str(value), stage, folder]
                done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
                if stage in found:
                    found[stage].append(json.loads(done.stdout.splitlines()[-1]))
    return found


def main() -> None:
    """Measure every axis and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="without the two largest of each")
    parser.add_argument("--point", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.point:
        axis, value, stage, folder = args.point
        print(json.dumps(point(axis, int(value), stage, Path(folder))))
        return
    units = {"seconds": "CPU s", "mb": "memory, MB", "disk_mb": "disk, MB"}
    print(f"| {' | '.join(('grows', 'sizes', 'stage', 'of', 'measured', 'exponent'))} |")
    print("|---" * 6 + "|")
    for axis, every in AXES.items():
        values = every[:-2] if args.quick else every
        for stage, rows in along(axis, values).items():
            for name in rows[0]:
                took = [row[name] for row in rows]
                numbers = " ".join(f"{one:.3g}" for one in took)
                sizes = " ".join(map(str, values))
                cells = (axis, sizes, stage, units[name], numbers, f"{exponent(values, took):.2f}")
                print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
