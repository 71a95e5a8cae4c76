"""Measure what an update of an emulating network costs: ``python benchmarks/emulation_cost.py``.

Updates of networks and batches of several sizes are timed, in CPU seconds of one thread, and the
three weights of :mod:`hmmlens.study.emulation_work` fitted to them, none below 0 and each
measurement with the same relative error. ``--quick`` leaves out the largest batches.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from pathlib import Path

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

if __name__ == "__main__" and os.environ.get(THREADS[0]) != "1":
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | dict.fromkeys(THREADS, "1"))

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from scipy.optimize import nnls

from hmmlens.datasets.synthetic.generators import preset_hmm
from hmmlens.emulation.settings import Emulation, EmulationNetwork
from hmmlens.emulation.training import train
from hmmlens.study.emulation_work import WEIGHTS, terms

#: Sequences, their steps, units, dimensions of noise, cell, objective; smaller memory first, as
#: the peak of a process never falls.
GRID = [
    (256, 25, 50, 10, "relu", "sinkhorn"),
    (256, 50, 50, 10, "relu", "sinkhorn"),
    (512, 25, 50, 10, "relu", "sinkhorn"),
    (512, 100, 50, 10, "relu", "sinkhorn"),
    (512, 30, 150, 100, "relu", "sinkhorn"),
    (512, 50, 150, 1, "relu", "sinkhorn"),
    (512, 50, 150, 100, "relu", "sinkhorn"),
    (512, 50, 150, 100, "relu", "energy"),
    (512, 50, 64, 100, "gru", "sinkhorn"),
    (512, 50, 64, 100, "lstm", "sinkhorn"),
    (768, 50, 150, 100, "relu", "split"),
    (1024, 50, 150, 100, "relu", "sinkhorn"),
    (1536, 50, 150, 100, "relu", "split"),
    (2048, 25, 50, 10, "relu", "sinkhorn"),
    (2048, 50, 150, 100, "relu", "sinkhorn"),
    (4096, 30, 150, 100, "relu", "sinkhorn"),
    (4096, 100, 150, 100, "relu", "sinkhorn"),
]
#: Updates that are timed, after one that is not; fewer where one takes seconds.
N_TIMED, LARGE, N_TIMED_LARGE = 6, 2048, 2


def seconds(settings: Emulation, network: EmulationNetwork) -> float:
    """Return the CPU seconds of an update, from trainings of two lengths."""
    hmm, spent = preset_hmm("chain2"), []
    n = N_TIMED_LARGE if settings.batch_size >= LARGE else N_TIMED
    for n_updates in (1, 1 + n):
        began = time.process_time()
        train(settings.model_copy(update={"n_updates": n_updates}), network, hmm, seed=1)
        spent.append(time.process_time() - began)
    return (spent[1] - spent[0]) / n


def main() -> None:
    """Print measurements, the fitted weights, and what they make of each measurement."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="no batches of 2048 or more")
    quick = parser.parse_args().quick
    rows, measured = [], []
    # What torch and the library do once.
    train(
        Emulation(batch_size=8, n_updates=2, n_data=8), EmulationNetwork(), preset_hmm("chain2"), 1
    )
    for batch, steps, units, noise, cell, objective in GRID:
        if quick and batch >= LARGE:
            continue
        settings = Emulation(batch_size=batch, n_steps=steps, objective=objective, n_data=batch)
        network = EmulationNetwork(cell=cell, n_units=units, n_noise=noise)
        measured.append(seconds(settings, network))
        rows.append(terms(settings, network))
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        about = f"{batch:5d} x {steps:3d}, {units:3d}/{noise:3d} {cell:4s} {objective:8s}"
        print(f"{about}: {measured[-1]:.4f} s, {memory:.0f} MB", flush=True)
    design, times = np.array(rows), np.array(measured)
    weights, _ = nnls(design / times[:, None], np.ones(len(times)))
    print("weights:", ", ".join(f"{w:.2e}" for w in weights))
    for name, used in (
        ("fitted", weights),
        ("hmmlens.study.emulation_work", np.array(WEIGHTS)),
    ):
        off = design @ used / times
        print(f"{name}: {off.min():.2f} to {off.max():.2f} times what was measured")


if __name__ == "__main__":
    main()
