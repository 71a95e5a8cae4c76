"""Measure extraction against a bare forward pass: ``python benchmarks/extraction.py [--quick]``.

An LSTM of 256 units with a linear readout runs over 4,096 sequences of 200 steps. *bare* is its
forward pass, in the same batches, that keeps all hidden states in memory; *extract* writes input,
output and hidden states to Zarr with the default replay of a sample of batches. They run in one
process with one thread, by turns; each row has the smallest CPU time of several runs. Cell states
at every step cannot be had from a bare forward pass; the rows with them are for comparison.

Memory is the peak of a process of its own, above that of another one that runs the bare forward
pass over the same batches and keeps nothing, in units of the hidden states of one batch.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

if __name__ == "__main__" and os.environ.get(THREADS[0]) != "1":
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | dict.fromkeys(THREADS, "1"))

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import torch
from torch import Tensor, nn

import hmmlens

N_STEPS, N_FEATURES, N_UNITS, N_OUTPUTS = 200, 32, 256, 8
#: Ratio of CPU times to reach, and batches' worth of extra memory.
RATIO, BATCHES = 2.0, 1.5

#: name -> options of extract.
ROWS: dict[str, dict[str, Any]] = {
    "hidden states": {"cell": False},
    "hidden states, nothing replayed": {"cell": False, "verify": "none"},
    "hidden states, all replayed": {"cell": False, "verify": "all"},
    "hidden states in float16": {"cell": False, "dtype": "float16"},
    "hidden and cell states": {},
    "hidden, cell and gates": {"gates": True},
}


class Network(nn.Module):
    """An LSTM and a readout."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(N_FEATURES, N_UNITS, batch_first=True)
        self.out = nn.Linear(N_UNITS, N_OUTPUTS)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.out(self.rnn(x)[0])
        return output


def make(n: int) -> tuple[Network, np.ndarray]:
    torch.manual_seed(0)
    # Drawn in single precision: doubles would be the peak of the whole process.
    rng = np.random.default_rng(0)
    return Network().eval(), rng.standard_normal((n, N_STEPS, N_FEATURES), dtype=np.float32)


def bare(model: Network, inputs: np.ndarray, batch_size: int, keep: bool = True) -> None:
    """Run the forward pass, keeping the hidden states and outputs of all batches, or of none."""
    kept: list[tuple[Tensor, Tensor]] = []
    with torch.no_grad():
        for first in range(0, len(inputs), batch_size):
            hidden = model.rnn(torch.from_numpy(inputs[first : first + batch_size]))[0]
            kept.append((hidden, model.out(hidden)))
            if not keep:
                kept.clear()
            # Held until the next one is there, it would hide a batch of what extraction takes.
            del hidden


def to_store(model: Network, inputs: np.ndarray, batch_size: int, **options: Any) -> float:
    """Return the CPU seconds of an extraction to a store."""
    folder = Path(tempfile.mkdtemp(prefix="extraction-"))
    try:
        return cpu(
            hmmlens.extract, model, inputs, batch_size=batch_size, store=folder / "a", **options
        )
    finally:
        shutil.rmtree(folder)


def cpu(function: Callable[..., Any], *args: Any, **options: Any) -> float:
    began = time.process_time()
    function(*args, **options)
    return time.process_time() - began


def verdict(value: float, target: float) -> str:
    return f"{value:.2f} ({'reaches' if value <= target else 'MISSES'} {target})"


def peak(n: int, batch_size: int, name: str) -> float:
    """Return the peak memory of a process, in MB: the median of three, for allocators vary."""
    command = [sys.executable, __file__, "--peak", str(n), str(batch_size), name]
    runs = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(3)]
    return float(np.median([float(run.stdout) for run in runs]))


def print_peak(n: int, batch_size: int, name: str) -> None:
    model, inputs = make(n)
    # What extraction imports is no part of a batch, and weighs as much as two.
    to_store(model, inputs[:1], 1)
    if name == "bare":
        bare(model, inputs, batch_size, keep=False)
    else:
        to_store(model, inputs, batch_size, **ROWS[name])
    lines = Path("/proc/self/status").read_text().splitlines()
    print(int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1e3)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the first row only")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--peak", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.peak:
        return print_peak(int(args.peak[0]), int(args.peak[1]), args.peak[2])
    n, size = 4096, args.batch_size
    rows = list(ROWS)[: 1 if args.quick else None]
    model, inputs = make(n)
    best = dict.fromkeys(["bare", *rows], np.inf)
    # What is imported at the first use is no part of any row.
    to_store(model, inputs[:size], size)
    for _ in range(args.repeats):
        best["bare"] = min(best["bare"], cpu(bare, model, inputs, size))
        for name in rows:
            best[name] = min(best[name], to_store(model, inputs, size, **ROWS[name]))
    print(f"{n} x {N_STEPS} steps, LSTM({N_UNITS}), batches of {size}\n")
    print("| recorded | CPU seconds | ratio to bare |\n|---|---|---|")
    for name, seconds in best.items():
        ratio = seconds / best["bare"]
        shown = verdict(ratio, RATIO) if name == rows[0] else f"{ratio:.2f}"
        print(f"| {name} | {seconds:.2f} | {shown} |")
    print()
    for n_batch in (size, 4 * size):
        worth = n_batch * N_STEPS * N_UNITS * 4 / 1e6
        extra = (peak(n, n_batch, rows[0]) - peak(n, n_batch, "bare")) / worth
        print(f"extra memory, {rows[0]}, batches of {n_batch} ({worth:.0f} MB each): "
              f"{verdict(extra, BATCHES)} batches' worth")  # fmt: skip


if __name__ == "__main__":
    main()
