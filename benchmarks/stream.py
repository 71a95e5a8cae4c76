"""Stream a large store through the stages: ``python benchmarks/stream.py [--gb 10] [--limit 2]``.

A GRU of 256 units reads sequences of a hidden chain with noise; what it holds is recorded to a
store of the given size (single precision, hardly compressible), reduced by PCA to 8 components, and
hidden Markov models are fitted to these. Each stage is a process of its own whose memory the
operating system limits (RLIMIT_DATA: heap and private mappings, with what torch and NumPy take of
them; not the code of libraries, of which about 0.2 GB are held). The last row is the control: a
process that loads the layer as a whole has to fail under the same limit.

With ``--gb 0.5 --limit 0.6`` the same in a minute. Everything is written below ``--folder`` and
deleted in the end.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
STAGES = ("inputs", "extraction", "reduction", "sweep", "whole")
N_STEPS, N_FEATURES, N_UNITS, N_COMPONENTS, BATCH = 200, 8, 256, 8, 64
N_STATES, N_RESTARTS, MAX_ITER = (1, 2, 4, 8), 2, 10

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def n_sequences(gb: float) -> int:
    """Return how many sequences' states take so many gigabytes."""
    return max(BATCH, int(gb * 1e9 / (4 * N_STEPS * N_UNITS)))


def inputs(folder: Path, gb: float) -> dict[str, Any]:
    """Write the sequences, some at a time."""
    import numpy as np
    import xarray as xr

    from hmmlens.io import store

    rng = np.random.default_rng(0)
    n, places = n_sequences(gb), rng.normal(size=(4, N_FEATURES))
    split = np.repeat([0, 1, 2], [n - 2 * (n // 5), n // 5, n // 5])
    small = {"length": np.full(n, N_STEPS), "split": rng.permutation(split)}
    head = xr.Dataset({name: ("sequence", values) for name, values in small.items()})
    with store.writing(head, folder / "sequences.zarr", "sequences", {}) as writer:
        dims = ("sequence", "time", "feature")
        writer.create("input", (n, N_STEPS, N_FEATURES), dims, 512)
        for first in range(0, n, 512):
            rows = slice(first, min(first + 512, n))
            moves = rng.random((rows.stop - first, N_STEPS)) < 0.1
            # A chain that stays for ten steps on average, then goes to any state.
            state = (rng.integers(4, size=moves.shape) * moves).cumsum(axis=1) % 4
            noise = 0.3 * rng.normal(size=(*moves.shape, N_FEATURES))
            writer.write("input", rows, places[state] + noise)
    return {"sequences": n, "steps": n * N_STEPS}


def extraction(folder: Path, gb: float) -> dict[str, Any]:
    """Record the network's states batch by batch."""
    import torch

    from hmmlens import extract
    from hmmlens.io import store

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = torch.nn.GRU(N_FEATURES, N_UNITS, batch_first=True)
            self.out = torch.nn.Linear(N_UNITS, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            read: torch.Tensor = self.out(self.rnn(x)[0])
            return read

    torch.set_num_threads(1)
    torch.manual_seed(0)
    data = store.read(folder / "sequences.zarr", "sequences")
    tree = extract(
        Network(),
        data["input"].astype("float32"),
        data["length"].to_numpy(),
        batch_size=BATCH,
        store=folder / "activations.zarr",
        labels={"split": data["split"].to_numpy()},
        progress=False,
    )
    return {"replay_error": f"{tree.attrs['replay_error']:.1e}"}


def _layer(folder: Path) -> tuple[Any, Any]:
    from hmmlens.recording import activations

    path = folder / "activations.zarr"
    return activations.read(path), activations.read(path, "rnn")


def reduction(folder: Path, gb: float) -> dict[str, Any]:
    """Fit PCA to the train sequences and apply it to all, part by part."""
    from hmmlens.recording.activations import States
    from hmmlens.reduction import reduced_store

    root, layer = _layer(folder)
    settings = {"kind": "pca", "n_components": N_COMPONENTS}
    states = States(root, layer, "hidden")
    found = reduced_store.write_reduced(states, root, settings, 0, folder / "reduced.zarr", {})
    return {"variance": f"{sum(found.about['explained_variance_ratio']):.3f}"}


def sweep(folder: Path, gb: float) -> dict[str, Any]:
    """Fit hidden Markov models, reading the reduced store in every step of EM where it is large."""
    from hmmlens.hmm import storage
    from hmmlens.io import store

    # With a smaller store, what may stay in memory shrinks alike.
    storage.STREAM_BYTES = int(storage.STREAM_BYTES * min(1.0, gb / 10))
    data = store.read(folder / "reduced.zarr", "reduced")
    found = storage.fit(
        data, n_states=N_STATES, covariance_types=["tied"], n_restarts=N_RESTARTS,
        max_iter=MAX_ITER, tol=1e-12, memory_limit=2**27,
    )  # fmt: skip
    table = storage.results(found)
    best = table.loc[table["bic"].idxmin()]
    streamed = data["reduced"].nbytes > storage.STREAM_BYTES
    return {"best_n_states": int(best["n_states"]), "streamed": bool(streamed)}


def whole(folder: Path, gb: float) -> dict[str, Any]:
    """Load a layer as a whole."""
    from hmmlens.recording import activations

    return {"loaded": activations.state(*_layer(folder), "hidden").nbytes}


def child(stage: str, folder: Path, gb: float, limit: float) -> None:
    """Run one stage under the limit, and print what it took."""
    n_bytes = int(limit * 2**30)
    resource.setrlimit(resource.RLIMIT_DATA, (n_bytes, n_bytes))
    began = time.time()
    measured = globals()[stage](folder, gb)
    used = resource.getrusage(resource.RUSAGE_SELF)
    took = {"wall": time.time() - began, "cpu": used.ru_utime + used.ru_stime}
    print(json.dumps({**took, "peak_mb": used.ru_maxrss / 1024, **measured}))


def size_mb(path: Path) -> float:
    """Return MB that a store takes on the disk."""
    return sum(512 * f.stat().st_blocks for f in path.rglob("*") if f.is_file()) / 1e6


def main() -> None:
    """Run all stages and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gb", type=float, default=10.0, help="of recorded states")
    parser.add_argument("--limit", type=float, default=2.0, help="GiB of each process")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.stage:
        return child(args.stage, args.folder, args.gb, args.limit)
    free = shutil.disk_usage(args.folder).free / 1e9
    if free < 2 * args.gb:
        sys.exit(f"{args.folder} has {free:.0f} GB free; {2 * args.gb:.0f} are needed")
    folder = Path(tempfile.mkdtemp(prefix="stream-", dir=args.folder))
    env = os.environ | dict.fromkeys(THREADS, "1")
    n = n_sequences(args.gb)
    print(f"{n:,} sequences of {N_STEPS} steps, {N_UNITS} units: {n * N_STEPS:,} frames, "
          f"{args.gb:g} GB of states, limit {args.limit:g} GiB\n")  # fmt: skip
    print("| stage | CPU s | wall s | peak memory, MB | on disk, MB | |\n|---|---|---|---|---|---|")
    failed = False
    try:
        for stage in STAGES:
            options = ("--gb", str(args.gb), "--limit", str(args.limit), "--folder", str(folder))
            command = [sys.executable, __file__, *options, "--stage", stage]
            done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
            if done.returncode:
                last = (done.stderr.strip().splitlines() or [f"code {done.returncode}"])[-1]
                out_of_memory = "MemoryError" in done.stderr or "memory" in last.lower()
                failed |= stage != "whole" or not out_of_memory
                print(f"| {stage} | | | | | fails: {last[:70]} |", flush=True)
                continue
            failed |= stage == "whole"
            took = json.loads(done.stdout)
            wall, cpu, peak = (took.pop(name) for name in ("wall", "cpu", "peak_mb"))
            names = {"inputs": "sequences", "extraction": "activations", "reduction": "reduced"}
            disk = size_mb(folder / f"{names[stage]}.zarr") if stage in names else 0
            measured = ", ".join(f"{name} {value}" for name, value in took.items())
            print(
                f"| {stage} | {cpu:.0f} | {wall:.0f} | {peak:.0f} | {disk:.0f} | {measured} |",
                flush=True,
            )
    finally:
        shutil.rmtree(folder)
    if failed:
        sys.exit("a stage failed, or the control did not")


if __name__ == "__main__":
    main()
