"""Whole sweeps against hmmlearn's: ``python benchmarks/sweep.py [--quick] [--large]``.

A sweep is what users run: all numbers of states with several restarts each, initialisations,
packing and final scores included. hmmlearn fits the same restarts one after another in its fastest
setting, from the same initialisations; its prior on covariances is another, both are tiny here.
Contenders run by turns, in one process with one thread; the table has CPU seconds, the ratio to
hmmlearn, and how far the best log-likelihood of any number of states lies below hmmlearn's, as a
share of it. *overlap* are clusters that overlap, *apart* ones far apart with long dwell times, as
the states of trained networks are: there most densities are tiny.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

if __name__ == "__main__":
    import one_thread

    one_thread.restart()

import numpy as np
import pandas as pd
from hmmlearn.hmm import GaussianHMM as Reference

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from hmmlens.hmm import HMMSweep
from hmmlens.hmm.engine import initialisation
from hmmlens.hmm.engine.kernel import loading

#: name: sequences, steps, components, distance of neighbouring clusters, probability to move.
WORKLOADS = {"overlap": (128, 100, 6, 2.0, 0.1), "apart": (128, 100, 6, 40.0, 0.02)}
#: A million frames of 64 components, with fewer fits and steps.
LARGE = {"large": (10_000, 100, 64, 1.0, 0.1)}
LARGE_COUNTS, LARGE_STEPS, LARGE_RESTARTS = [2, 8], 3, 2
RESTARTS = 5
#: Variance added to every direction, relative to the mean variance of the data.
FLOOR = 1e-6


def make(name: str) -> np.ndarray:
    """Return values (sequence, time, component) of eight clusters."""
    n, steps, d, distance, move = (WORKLOADS | LARGE)[name]
    rng = np.random.default_rng(0)
    states = np.empty((n, steps), dtype=int)
    states[:, 0] = rng.integers(8, size=n)
    for t in range(1, steps):
        states[:, t] = np.where(rng.random(n) < move, rng.integers(8, size=n), states[:, t - 1])
    return distance * rng.normal(size=(8, d))[states] + rng.normal(size=(n, steps, d))


def ours(
    values: np.ndarray, kernel: str, counts: list[int], kind: str, steps: int, restarts: int
) -> pd.Series:
    """Return the best log-likelihood of each number of states."""
    os.environ[loading.VARIABLE] = kernel
    sweep = HMMSweep(
        counts, kind, n_restarts=restarts, max_iter=steps, tol=-np.inf, min_covar=FLOOR
    )
    return sweep.fit(values).results_.groupby("n_states").log_likelihood.max()


def theirs(
    values: np.ndarray, counts: list[int], kind: str, steps: int, restarts: int
) -> pd.Series:
    """Return the same by hmmlearn, with its priors."""
    frames, lengths = values.reshape(-1, values.shape[2]), [values.shape[1]] * len(values)
    floor, best = FLOOR * frames.var(axis=0).mean(), {}
    for k in counts:
        starts = initialisation.gaussian_initialisations(frames, k, restarts, floor, 0)
        batch = initialisation.batch(starts, kind)
        found = []
        for r in range(restarts):
            model = Reference(k, kind, n_iter=steps, tol=-np.inf, init_params="",
                              implementation="scaling")  # fmt: skip
            model.startprob_, model.transmat_ = batch.startprob[r], batch.transmat[r]
            model.means_, model.covars_ = batch.emission[0][r], batch.emission[1][r]
            found.append(model.fit(frames, lengths).score(frames, lengths))
        best[k] = max(found)
    return pd.Series(best)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="2 to 4 states, 5 steps")
    parser.add_argument("--steps", type=int, default=10, help="steps of EM in each fit")
    parser.add_argument("--kind", default="full", help="covariance type")
    parser.add_argument(
        "--large",
        action="store_true",
        help="only a million frames of 64 components: 2 and 8 states, 2 restarts, 3 steps; "
        "takes 4 GB of memory",
    )
    parser.add_argument(
        "--kernels", nargs="*", choices=loading.available(), default=loading.available()
    )
    args = parser.parse_args()
    counts = list(range(2, 5 if args.quick else 13))
    steps = min(args.steps, 5) if args.quick else args.steps
    workloads, restarts, repeats = list(WORKLOADS), RESTARTS, 3
    if args.large:
        workloads, counts, steps = list(LARGE), LARGE_COUNTS, LARGE_STEPS
        restarts, repeats = LARGE_RESTARTS, 1
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, load {load:.1f}; CPU seconds of one thread")
    print(f"K in {counts}, {args.kind}, {restarts} restarts, {steps} steps")
    print(f"smallest of {repeats}; hmmlearn once\n")
    print("| workload | E-step | CPU s | ratio | below hmmlearn at most |\n|---|---|---|---|---|")
    for name in workloads:
        values = make(name)
        began = time.process_time()
        wanted = theirs(values, counts, args.kind, steps, restarts)
        reference = time.process_time() - began
        print(f"| {name} | hmmlearn | {reference:.2f} | 1 | |", flush=True)
        best, below = dict.fromkeys(args.kernels, np.inf), {}
        for kernel in repeats * args.kernels:
            began = time.process_time()
            found = ours(values, kernel, counts, args.kind, steps, restarts)
            best[kernel] = min(best[kernel], time.process_time() - began)
            below[kernel] = ((wanted - found) / wanted.abs()).max()
        for kernel, seconds in best.items():
            row = [name, kernel, f"{seconds:.2f}", f"{reference / seconds:.1f}"]
            print("| " + " | ".join([*row, f"{below[kernel]:.0e}"]) + " |", flush=True)


if __name__ == "__main__":
    main()
