"""How costs grow: ``python benchmarks/scale.py [--quick]``.

One thing is varied at a time: sequences of 100 steps, units of a GRU, states of the hidden Markov
models, components they are fitted to, and sweeps whose results are gathered. Of each stage the CPU
seconds, the peak memory of its process above what it held before, and the store are measured, and
``start + rate * size ** exponent`` is fitted to each. The exponent says what becomes of the cost
when ten times as much is asked for.
"""

from __future__ import annotations

import argparse
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
BASE = {"sequences": 500, "units": 64, "states": 8, "components": 8, "sweeps": 1}
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
    """Run one stage, and return what it took."""
    Path("/proc/self/clear_refs").write_text("5")
    before, began = peak_kb(), time.process_time()
    stage()
    took = {"seconds": time.process_time() - began, "mb": max(peak_kb() - before, 1) / 1e3}
    if store.exists():
        files = (f for f in store.rglob("*") if f.is_file())
        took["disk_mb"] = sum(512 * f.stat().st_blocks for f in files) / 1e6
    return took


class Stages:
    """The stages of a study at one point, each after the one before it."""

    def __init__(self, at: dict[str, int], folder: Path) -> None:
        import torch

        from hmmlens.config import FlipFlopData
        from hmmlens.config_networks import TrainedNetwork
        from hmmlens.datasets.build import build
        from hmmlens.networks import cells

        torch.set_num_threads(1)
        self.at, self.folder = at, folder
        settings = FlipFlopData(kind="flipflop", n_sequences=at["sequences"], n_steps=100)
        self.data = build(settings, 1, None)
        network = TrainedNetwork(dataset="d", cell="gru", n_units=at["units"])
        self.network = cells.for_dataset(network.model_dump(), self.data.attrs, self.data.sizes, 1)

    def path(self, stage: str) -> Path:
        """Return the store of a stage."""
        return self.folder / f"{stage}.zarr"

    def training(self) -> None:
        """Train for some epochs."""
        import torch

        from hmmlens.config_networks import Training
        from hmmlens.networks import training

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
        from hmmlens import activations, reduction

        path = self.path("extraction")
        root, layer = activations.read(path), activations.read(path, "layer0")
        settings = {"kind": "pca", "n_components": self.at["components"]}
        states = activations.States(root, layer, "both")
        reduction.write_reduced(states, root, settings, 0, self.path("reduction"), {})

    def sweep(self) -> None:
        """Fit hidden Markov models with one number of states."""
        from hmmlens import store
        from hmmlens.hmm import storage

        found = storage.fit(
            store.read(self.path("reduction"), "reduced"), n_states=[1, self.at["states"]],
            covariance_types=["tied"], n_restarts=RESTARTS, max_iter=STEPS, tol=1e-12,
        )  # fmt: skip
        store.write(found, self.path("sweep"), "sweep", {})

    def tables(self) -> None:
        """Gather the fits of many sweeps: one of them, again and again."""
        from hmmlens import store
        from hmmlens.report import gather

        layer = {**gather.raw_layer("d"), "reducer": "r"}
        sweeps = (store.read(self.path("sweep"), "sweep") for _ in range(self.at["sweeps"]))
        gather.fits((layer, False, sweep) for sweep in sweeps)


def point(axis: str, value: int, folder: Path) -> dict[str, dict[str, float]]:
    """Measure the stages of an axis at one of its values."""
    names = ("training", "extraction", "reduction", "sweep", "tables")
    # What is imported at the first use is no part of what grows.
    warm = Stages({**BASE, "sequences": 50}, folder / "warm")
    for name in names:
        getattr(warm, name)()
    stages, found = Stages({**BASE, axis: value}, folder), {}
    for name in names[: 1 + max(map(names.index, STAGES[axis]))]:
        run = getattr(stages, name)
        if name in STAGES[axis]:
            found[name] = measured(run, stages.path(name))
        elif name != "training":
            run()
    return found


def exponents(values: list[int], found: list[dict[str, float]]) -> dict[str, tuple[float, float]]:
    """Return name -> exponent, and by how much what was measured goes beyond the fit at most."""
    from hmmlens.plan import laws

    fitted = {}
    for name in found[0]:
        took = [one[name] for one in found]
        law = laws.fit(values, took, 1.0, pull=1e-6)
        off = max(abs(float(law(v)) / t - 1) for v, t in zip(values, took, strict=True))
        fitted[name] = law.exponent, off
    return fitted


def main() -> None:
    """Measure every axis and print a table for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="without the two largest of each")
    parser.add_argument("--point", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.point:
        axis, value, folder = args.point
        print(json.dumps(point(axis, int(value), Path(folder))))
        return
    env = os.environ | dict.fromkeys(THREADS, "1")
    units = {"seconds": "CPU s", "mb": "memory, MB", "disk_mb": "disk, MB"}
    print("| grows | stage | of | " + " | ".join(["sizes", "measured", "exponent", "off"]) + " |")
    print("|---" * 7 + "|")
    for axis, every in AXES.items():
        values = every[:-2] if args.quick else every
        rows = []
        for value in values:
            with tempfile.TemporaryDirectory(prefix="scale-") as folder:
                command = [sys.executable, __file__, "--point", axis, str(value), folder]
                done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
                rows.append(json.loads(done.stdout.splitlines()[-1]))
        for stage in STAGES[axis]:
            found = [row[stage] for row in rows]
            for name, (exponent, off) in exponents(values, found).items():
                numbers = " ".join(f"{one[name]:.3g}" for one in found)
                sizes = " ".join(map(str, values))
                told = (axis, stage, units[name], sizes, numbers, f"{exponent:.2f}", f"{off:.0%}")
                print(f"| {' | '.join(told)} |", flush=True)


if __name__ == "__main__":
    main()
