"""The Sinkhorn divergence against geomloss's: ``python benchmarks/sinkhorn.py [--quick]``.

Both compute the value and the gradient at one side of a batch of symbol sequences against another,
in one process with one thread, by turns; each row has the smallest CPU time of several runs, and
the smallest and largest ratio of runs that followed each other. geomloss runs in its fastest
setting for such sizes on a processor (``backend="tensorized"``).
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

#: Settings that make OpenBLAS take a kernel for an older processor; nobody is measured with them.
SLOWING = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

if __name__ == "__main__" and (
    any(name in os.environ for name in SLOWING) or os.environ.get(THREADS[0]) != "1"
):
    clean = {name: value for name, value in os.environ.items() if name not in SLOWING}
    clean |= dict.fromkeys(THREADS, "1")
    os.execve(sys.executable, [sys.executable, *sys.argv], clean)

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import torch
from geomloss import SamplesLoss
from torch import Tensor

from hmmlens.datasets.synthetic.generators import preset_hmm, sample_hmm
from hmmlens.emulation.sinkhorn import BLUR, divergence

#: Target, sequences, steps; the first is the one whose ratio is to be reached.
WORKLOADS = [
    ("chain2", 1024, 100),
    ("chain2", 512, 50),
    ("fully3", 512, 30),
    ("cyclic4", 1024, 40),
    ("chain2", 4096, 100),
]
TARGET = 1.5


def batch(name: str, n: int, steps: int, seed: int) -> Tensor:
    symbols = sample_hmm(preset_hmm(name), n, steps, np.random.default_rng(seed))[0]
    return torch.nn.functional.one_hot(torch.from_numpy(symbols), 3).float()


def timed(loss: Callable[[Tensor, Tensor], Tensor], x: Tensor, y: Tensor) -> tuple[float, ...]:
    """Return CPU seconds, value and gradient."""
    points = x.clone().requires_grad_()
    began = time.process_time()
    value = loss(points, y)
    value.backward()
    return time.process_time() - began, value.item(), points.grad.flatten()


def compare(name: str, n: int, steps: int, repeats: int) -> str:
    """Return one row of the table."""
    x, y = batch(name, n, steps, 0), batch(name, n, steps, 1)
    theirs = SamplesLoss("sinkhorn", p=2, blur=BLUR, backend="tensorized")
    # What is set up at the first use is no part of any row.
    timed(divergence, x, y)
    timed(theirs, x.flatten(1), y.flatten(1))
    runs = [
        (timed(theirs, x.flatten(1), y.flatten(1)), timed(divergence, x, y)) for _ in range(repeats)
    ]
    seconds = [min(run[who][0] for run in runs) for who in (0, 1)]
    ratios = [their[0] / our[0] for their, our in runs]
    (_, value, gradient), (_, our_value, our_gradient) = runs[0]
    cosine = torch.cosine_similarity(gradient, our_gradient, dim=0).item()
    ratio = f"{seconds[0] / seconds[1]:.1f}"
    if (name, n, steps) == WORKLOADS[0]:
        ratio += f" ({'reaches' if seconds[0] / seconds[1] >= TARGET else 'MISSES'} {TARGET})"
    cells = [
        f"{name}, {n} x {steps}", f"{1e3 * seconds[0]:.1f}", f"{1e3 * seconds[1]:.1f}", ratio,
        f"{min(ratios):.1f} to {max(ratios):.1f}", f"{abs(our_value / value - 1):.0e}",
        f"{1 - cosine:.0e}",
    ]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the first row only")
    parser.add_argument("--repeats", type=int, default=7)
    args = parser.parse_args()
    torch.set_num_threads(1)
    print("| sequences x steps | geomloss, ms | ours, ms | ratio | of single runs | "
          "relative difference of values | 1 - cosine of gradients |")  # fmt: skip
    print("|---|---|---|---|---|---|---|", flush=True)
    for name, n, steps in WORKLOADS[: 1 if args.quick else None]:
        print(compare(name, n, steps, args.repeats if n < 4096 else 2), flush=True)


if __name__ == "__main__":
    main()
