"""Measure the dynamics of noise-driven networks: ``python benchmarks/dynamics.py [--quick]``.

*residency* is that of 1,000 visited states, 20 rollouts of at most 60 steps each, in a ReLU network
of 150 units and 100 dimensions of noise. Rollouts end when the network switches, so that one that
never does is the slowest. *all* is the whole reverse engineering of one network, with 50
checkpoints, and its pictures, for each cell. Networks have random weights unless a ``state_dict``
of a ReLU network of that size is given (``--weights``). CPU time of one thread, the smallest of
several runs; *all* runs once.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

if __name__ == "__main__" and os.environ.get(THREADS[0]) != "1":
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | dict.fromkeys(THREADS, "1"))

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import torch

from hmmlens.datasets.synthetic.generators import preset_hmm
from hmmlens.dynamics.rollouts import drive, sample_states
from hmmlens.emulation.analysis import residency
from hmmlens.emulation.analysis.pipeline import pictures, reverse_engineer
from hmmlens.rnn.noise_driven import NoiseDriven

#: CPU seconds that must suffice.
MOST_RESIDENCY, MOST_ALL = 5.0, 120.0
SYMBOLS = (0, 2)


def cpu(function: Callable[..., Any], *args: Any) -> tuple[float, Any]:
    began = time.process_time()
    found = function(*args)
    return time.process_time() - began, found


def network(cell: str, weights: Path | None = None, *, silent: bool = False) -> NoiseDriven:
    """Return a network; an inactive one never switches, so that no rollout ends early."""
    torch.manual_seed(0)
    net = NoiseDriven(cell, 100, 150, 3, bias=cell in ("gru", "lstm"))
    if weights is not None:
        net.load_state_dict(torch.load(weights, weights_only=True))
    if silent:
        with torch.no_grad():
            net.out.weight[0], net.out.weight[2] = 1.0, -1.0
    return net


def rollouts(name: str, net: NoiseDriven, repeats: int) -> None:
    states = sample_states(drive(net, 50, 300, torch.Generator().manual_seed(0)), 20,
                  torch.Generator().manual_seed(1))[0]  # fmt: skip
    tries = [
        cpu(residency.residency, net, states, SYMBOLS, torch.Generator().manual_seed(2))
        for _ in range(repeats)
    ]
    seconds, found = min(tries, key=lambda one: one[0])
    verdict = "within" if seconds <= MOST_RESIDENCY else "ABOVE"
    print(f"| residency, {name} | {seconds:.2f} | {verdict} {MOST_RESIDENCY:g} s; "
          f"mean time {found.time.mean():.1f} steps |", flush=True)  # fmt: skip


def everything(cell: str, weights: Path | None) -> None:
    net = network(cell, weights if cell == "relu" else None)
    checkpoints = [(update, net.state_dict()) for update in range(50)]
    args = (net, checkpoints, preset_hmm("chain2"), 0)
    seconds, tables = cpu(reverse_engineer, *args)
    shown, _ = cpu(pictures, *args)
    verdict = "within" if seconds <= MOST_ALL else "ABOVE"
    print(f"| all, {cell} | {seconds:.1f} | {verdict} {MOST_ALL:g} s; {len(tables)} tables, "
          f"pictures {shown:.1f} s |", flush=True)  # fmt: skip


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="residency alone")
    parser.add_argument("--weights", type=Path, help="a trained ReLU network's state_dict")
    args = parser.parse_args()
    torch.set_num_threads(1)
    print("| what | CPU s | |\n|---|---|---|", flush=True)
    rollouts("switching often", network("relu"), 3)
    rollouts("never switching", network("relu", silent=True), 3)
    if args.weights is not None:
        rollouts("trained", network("relu", args.weights), 3)
    if not args.quick:
        for cell in ("relu", "tanh", "gru", "lstm"):
            everything(cell, args.weights)


if __name__ == "__main__":
    main()
