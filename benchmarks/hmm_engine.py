"""EM of this engine against hmmlearn's: ``python benchmarks/hmm_engine.py [--quick] [--stream]``.

All contenders take the same steps from the same start, in one process with one thread, by turns;
each row has the smallest CPU time of several runs, in NumPy and in the compiled kernel. hmmlearn
runs in its fastest setting (``implementation="scaling"``). *floor* is the time that the matrix
products of one step would take at the speed that a large product reaches on this machine. dynamax,
pomegranate and ssm (``--peers``) are measured where they are installed; their priors on parameters
differ, and pomegranate computes in float32, so that their likelihoods agree at the start and drift
apart a little.
"""

from __future__ import annotations

import argparse
import functools
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    import one_thread

    one_thread.restart()

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import peers

from hmmlens.hmm.engine import em, mstep
from hmmlens.hmm.engine.blocks import Workspace, blocks_of
from hmmlens.hmm.engine.emissions import Gaussian
from hmmlens.hmm.engine.engines import floats_per_frame
from hmmlens.hmm.engine.kernel import loading
from hmmlens.hmm.engine.parameters import Family, Parameters, Prior
from hmmlens.hmm.engine.symbols import Categorical

#: name: sequences, steps, components (or symbols), states, covariance type.
WORKLOADS = {
    "A": (512, 100, 10, 5, "full"),
    "B": (512, 100, 10, 12, "full"),
    "C": (2048, 100, 16, 8, "diag"),
    "D": (256, 200, 32, 16, "full"),
    "E": (4096, 50, 3, 4, "full"),
    "F": (64, 1000, 64, 10, "diag"),
    "G": (1, 51200, 10, 6, "full"),
    "tied": (512, 100, 10, 5, "tied"),
    "spherical": (512, 100, 10, 5, "spherical"),
    "symbols 4": (2048, 100, 4, 6, "categorical"),
    "symbols 10": (512, 100, 10, 12, "categorical"),
}
#: Ratios to reach in NumPy with one restart, and those of the whole sweep by kernel.
TARGETS = {"A": 13, "B": 20, "C": 5, "D": 13, "F": 2}
SWEEP_TARGETS = {"numpy": 38, "v3": 55, "v4": 75}
RESTARTS = 5


def make(
    n: int, steps: int, d: int, k: int, kind: str
) -> tuple[np.ndarray, np.ndarray, Parameters]:
    """Return frames of a sticky chain, lengths, and :data:`RESTARTS` starts."""
    rng = np.random.default_rng(0)
    lengths = np.full(n, steps)
    states = np.empty((n, steps), dtype=int)
    states[:, 0] = rng.integers(k, size=n)
    for t in range(1, steps):
        moves = rng.random(n) < 0.1
        states[:, t] = np.where(moves, rng.integers(k, size=n), states[:, t - 1])
    transmat = np.tile(np.full((k, k), 0.2 / k) + 0.8 * np.eye(k), (RESTARTS, 1, 1))
    startprob = np.full((RESTARTS, k), 1 / k)
    if kind == "categorical":
        distributions = rng.dirichlet(np.ones(d), k)
        draws = rng.random((n, steps, 1)) > distributions.cumsum(axis=1)[states]
        frames = np.minimum(draws.sum(axis=2), d - 1).ravel()
        return (
            frames,
            lengths,
            Parameters(startprob, transmat, (rng.dirichlet(5 * np.ones(d), (RESTARTS, k)),)),
        )
    frames = (2 * rng.normal(size=(k, d)))[states.ravel()] + rng.normal(size=(n * steps, d))
    covariance = np.cov(frames.T)
    covars = {
        "full": np.tile(covariance, (RESTARTS, k, 1, 1)),
        "tied": np.tile(covariance, (RESTARTS, 1, 1)),
        "diag": np.tile(np.diag(covariance), (RESTARTS, k, 1)),
        "spherical": np.full((RESTARTS, k), np.trace(covariance) / d),
    }[kind]
    means = frames[rng.integers(len(frames), size=(RESTARTS, k))]
    return frames, lengths, Parameters(startprob, transmat, (means, covars))


def by_hmmlearn(
    frames: np.ndarray, lengths: np.ndarray, start: Parameters, kind: str, steps: int
) -> list[float]:
    """Return the history of the first start."""
    from hmmlearn import hmm

    options = {"n_iter": steps, "tol": -np.inf, "init_params": "", "implementation": "scaling"}
    k = start.startprob.shape[1]
    if kind == "categorical":
        model = hmm.CategoricalHMM(k, n_features=start.emission[0].shape[2], **options)
        model.emissionprob_, frames = start.emission[0][0], frames[:, None]
    else:
        model = hmm.GaussianHMM(k, kind, **options)
        model.means_, model.covars_ = start.emission[0][0], start.emission[1][0]
    model.startprob_, model.transmat_ = start.startprob[0], start.transmat[0]
    model.fit(frames, lengths)
    return list(model.monitor_.history)


class Ours:
    """Our engine with hmmlearn's prior. Packing is part of the time, as it is for users."""

    def __init__(self, kernel: str) -> None:
        self.space, self.expect = Workspace(), loading.expectation_of(kernel)

    def __call__(
        self, frames: np.ndarray, lengths: np.ndarray, start: Parameters, kind: str, steps: int
    ) -> list[list[float]]:
        family: Family
        if kind == "categorical":
            family, centre, prior = Categorical(start.emission[0].shape[2]), None, Prior()
        else:
            centre = frames.mean(axis=0)
            family, prior = Gaussian(kind), Prior(covars=1e-2, means=-centre)
        held = floats_per_frame("numpy", start.startprob.size, 0)
        blocks = blocks_of(frames, lengths, centre, held)
        begin = mstep.shift(start, family, None if centre is None else -centre)
        fits = em.fit(
            lambda: blocks, family, begin, prior, steps, -np.inf, self.expect,
            counts_prior=False, final=False, space=self.space,
        )  # fmt: skip
        return [fit.history for fit in fits]


def cpu(function: Callable[..., Any], *args: Any) -> tuple[float, Any]:
    began = time.process_time()
    result = function(*args)
    return time.process_time() - began, result


def product_speed() -> float:
    """Return floating-point operations per second of a large matrix product."""
    a = np.random.default_rng(0).normal(size=(1500, 1500))
    return float(2 * 1500**3 / min(cpu(np.matmul, a, a)[0] for _ in range(5)))


def operations(name: str) -> int:
    """Return floating-point operations of the matrix products of one step with one restart."""
    n, t, d, k, kind = WORKLOADS[name]
    family: Family = Categorical(d) if kind == "categorical" else Gaussian(kind)
    return n * t * (4 * k * family.n_features(d) + 6 * k**2)


def disagreement(one: list[float], two: list[float]) -> float:
    return float(np.max(np.abs(np.array(one) - two) / np.abs(two)))


def verdict(ratio: float, target: float | None) -> str:
    if target is None:
        return f"{ratio:.1f}"
    return f"{ratio:.1f} ({'reaches' if ratio >= target else 'MISSES'} {target})"


def compare(name: str, kernels: list[str], steps: int, repeats: int, speed: float) -> str:
    """Return one row of the table."""
    n, t, d, k, kind = WORKLOADS[name]
    frames, lengths, start = make(n, t, d, k, kind)
    one = start.take([0])
    contenders: list[tuple[str, Callable[..., Any], Parameters]] = [("hmmlearn", by_hmmlearn, one)]
    for kernel in kernels:
        ours = Ours(kernel)
        ours(frames, lengths, start, kind, 1)
        contenders += [(kernel, ours, one), (f"{kernel} in a batch", ours, start)]
    best, gap = {who: np.inf for who, _, _ in contenders}, 0.0
    for _ in range(repeats):
        for who, function, begin in contenders:
            seconds, history = cpu(function, frames, lengths, begin, kind, steps)
            best[who] = min(best[who], 1e3 * seconds / steps)
            if who == "hmmlearn":
                reference = history
            else:
                gap = max(gap, disagreement(history[0], reference))
    flops = operations(name)
    cells = [name, f"{n} x {t} x {d}, K {k}, {kind}", f"{best['hmmlearn']:.1f}"]
    for kernel in kernels:
        alone, each = best[kernel], best[f"{kernel} in a batch"] / RESTARTS
        target = TARGETS.get(name) if kernel == "numpy" else None
        cells += [f"{alone:.1f}", verdict(best["hmmlearn"] / alone, target)]
        cells += [f"{each:.1f}", f"{best['hmmlearn'] / each:.1f}"]
    return "| " + " | ".join([*cells, f"{1e3 * flops / speed:.2f}", f"{gap:.0e}"]) + " |"


def compare_sweep(counts: range, kernels: list[str], steps: int) -> str:
    """Return the row of the whole sweep: every count, :data:`RESTARTS` restarts, full."""
    n, t, d, _, kind = WORKLOADS["A"]
    theirs, gap = 0.0, 0.0
    mine, ours = dict.fromkeys(kernels, 0.0), {kernel: Ours(kernel) for kernel in kernels}
    for k in counts:
        frames, lengths, start = make(n, t, d, k, kind)
        references = []
        for r in range(RESTARTS):
            seconds, history = cpu(by_hmmlearn, frames, lengths, start.take([r]), kind, steps)
            theirs += seconds
            references.append(history)
        for kernel in kernels:
            runs = [cpu(ours[kernel], frames, lengths, start, kind, steps) for _ in range(2)]
            mine[kernel] += min(seconds for seconds, _ in runs)
            for history, reference in zip(runs[0][1], references, strict=True):
                gap = max(gap, disagreement(history, reference))
    what = f"{n} x {t} x {d}, K {counts[0]}..{counts[-1]}, {kind}, {RESTARTS} restarts"
    row = ["sweep", what, f"{1e3 * theirs:.0f} in all"]
    for kernel in kernels:
        row += [f"{1e3 * mine[kernel]:.0f} in all"]
        row += [verdict(theirs / mine[kernel], SWEEP_TARGETS[kernel]), "", ""]
    return "| " + " | ".join([*row, "", f"{gap:.0e}"]) + " |"


def first_history(function: Callable[..., list[list[float]]], *args: Any) -> list[float]:
    return function(*args)[0]


def compare_peers(names: list[str], steps: int, repeats: int, speed: float) -> None:
    """Print a table of other packages, where they are installed, by turns with ours."""
    head = ["package", "workload", "CPU ms a step", "times ours", "floor, ms"]
    head += ["relative difference of the log-likelihood at the start", "before the last step"]
    print("| " + " | ".join(head) + " |\n|" + len(head) * "---|", flush=True)
    kernel, missing = loading.available()[0], {}
    for name in names:
        n, t, d, k, kind = WORKLOADS[name]
        frames, lengths, start = make(n, t, d, k, kind)
        one, ours = start.take([0]), Ours(kernel)
        ours(frames, lengths, one, kind, 1)
        given = frames, lengths, one, kind, steps
        runs: dict[str, Callable[[], list[float]]] = {
            f"hmmlens, {kernel}": functools.partial(first_history, ours, *given),
            "hmmlearn": functools.partial(by_hmmlearn, *given),
        }
        for package, prepare in peers.PEERS.items():
            try:
                runs[package] = prepare(frames.reshape(n, t, d), one, kind, steps)
            except ImportError as error:
                missing[package] = error
        best, history = dict.fromkeys(runs, np.inf), {}
        for _ in range(repeats):
            for package, run in runs.items():
                seconds, history[package] = cpu(run)
                best[package] = min(best[package], 1e3 * seconds / steps)
        floor = 1e3 * operations(name) / speed
        mine, wanted = best[f"hmmlens, {kernel}"], history[f"hmmlens, {kernel}"]
        for package, each in best.items():
            gaps = [f"{disagreement([history[package][i]], [wanted[i]]):.0e}" for i in (0, -1)]
            cells = [package, name, f"{each:.1f}", f"{each / mine:.1f}", f"{floor:.2f}", *gaps]
            print("| " + " | ".join(cells) + " |", flush=True)
    for package, error in missing.items():
        print(f"{package} is not measured, because it cannot be imported: {error}.")


def compare_gpu(name: str, steps: int, repeats: int) -> str:
    """Return a row of torch on a GPU, in wall time, and of the fastest E-step on the CPU."""
    from hmmlens.hmm.engine.engines import expectation

    n, t, d, k, kind = WORKLOADS[name]
    frames, lengths, start = make(n, t, d, k, kind)
    kernel = loading.available()[0]
    contenders = {"cpu": Ours(kernel), "gpu": Ours(kernel)}
    contenders["gpu"].expect = expectation("torch", "cuda")
    best, found = dict.fromkeys(contenders, np.inf), {}
    for _ in range(repeats + 1):
        for who, ours in contenders.items():
            began = time.perf_counter()
            found[who] = ours(frames, lengths, start, kind, steps)
            best[who] = min(best[who], 1e3 * (time.perf_counter() - began) / steps)
    gap = max(disagreement(*pair) for pair in zip(found["gpu"], found["cpu"], strict=True))
    what = f"{n} x {t} x {d}, K {k}, {kind}, {RESTARTS} restarts"
    cells = [name, what, f"{best['cpu']:.1f}", f"{best['gpu']:.1f}"]
    return "| " + " | ".join([*cells, f"{best['cpu'] / best['gpu']:.1f}", f"{gap:.0e}"]) + " |"


def stream(gigabytes: float) -> None:
    """Fit a store larger than memory in a process of its own, and print what it took."""
    import shutil
    import subprocess

    folder = Path(tempfile.mkdtemp(prefix="hmm-stream-"))
    try:
        subprocess.run(
            [sys.executable, __file__, "--write", str(folder / "x.zarr"), str(gigabytes)],
            check=True,
        )
        subprocess.run([sys.executable, __file__, "--fit", str(folder / "x.zarr")], check=True)
    finally:
        shutil.rmtree(folder)


def write(path: str, gigabytes: float) -> None:
    """Write a Zarr store of activations (sequence, time, component) in float64."""
    import zarr

    steps, d, part = 200, 256, 64
    n = round(gigabytes * 1e9 / (8 * steps * d) / part) * part
    array = zarr.create_array(
        path, shape=(n, steps, d), chunks=(part, steps, d), dtype="f8", compressors=None
    )
    rng = np.random.default_rng(0)
    places = rng.normal(size=(6, d))
    states = (np.arange(steps) // 10) % 6
    for first in range(0, n, part):
        array[first : first + part] = places[states] + rng.normal(size=(part, steps, d))
    size = sum(file.stat().st_size for file in Path(path).rglob("*") if file.is_file())
    print(f"store: {n} x {steps} x {d}, {size / 1e9:.2f} GB")


def memory(key: str) -> float:
    """Return a memory figure of this process in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return float(next(line for line in lines if line.startswith(key)).split()[1]) / 1024


def fit(path: str) -> None:
    """Fit the store and print the memory above what Python holds with everything imported."""
    import sklearn.cluster  # noqa: F401
    import zarr

    from hmmlens.hmm import GaussianHMM

    base = memory("VmRSS")
    model = GaussianHMM(6, "diag", n_iter=2, prior_mode="floor", random_state=0)
    seconds, _ = cpu(model.fit, zarr.open_array(path, mode="r"))
    peak = memory("VmHWM") - base
    verdict_ = "below" if peak < 1024 else "ABOVE"
    print(f"fit: 2 steps in {seconds:.0f} s of CPU time; peak {peak:.0f} MiB above the {base:.0f} "
          f"MiB of Python and its packages, {verdict_} 1 GiB")  # fmt: skip


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="workloads A and C, a small sweep")
    parser.add_argument("--only", nargs="*", help="workloads to run; sweep is one")
    parser.add_argument(
        "--kernels", nargs="*", choices=loading.available(), help="default: NumPy and the fastest"
    )
    parser.add_argument("--steps", type=int, default=10, help="steps of EM in each run")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--peers", nargs="*", help="only other packages, on these workloads")
    parser.add_argument("--gpu", action="store_true", help="only torch on a GPU, in wall time")
    parser.add_argument("--stream", action="store_true", help="also fit a store of 4 GB")
    parser.add_argument("--gigabytes", type=float, default=4.0)
    parser.add_argument("--write", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--fit", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.write:
        return write(args.write[0], float(args.write[1]))
    if args.fit:
        return fit(args.fit)
    if args.gpu:
        head = ["workload", "data", f"{loading.available()[0]} on one core, ms a step"]
        head += ["torch on the GPU", "ratio", "largest relative difference of log-likelihoods"]
        print("| " + " | ".join(head) + " |\n|" + len(head) * "---|", flush=True)
        for name in args.only or list(TARGETS):
            print(compare_gpu(name, args.steps, args.repeats), flush=True)
        return None
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, load {load:.1f}; CPU seconds of one thread")
    speed = product_speed()
    print(f"matrix product: {speed / 1e9:.0f} GFLOP/s on one thread\n")
    if args.peers is not None:
        return compare_peers(args.peers or ["A", "C"], args.steps, args.repeats, speed)
    kernels = args.kernels or list(dict.fromkeys(("numpy", loading.available()[0])))
    head = ["workload", "data", "hmmlearn, ms a step"]
    for kernel in kernels:
        head += [kernel, "ratio", f"{kernel}, {RESTARTS} restarts in a batch, each", "ratio"]
    head += ["floor", "largest relative difference of log-likelihoods"]
    print("| " + " | ".join(head) + " |\n|" + len(head) * "---|", flush=True)
    names = args.only if args.only is not None else ["A", "C"] if args.quick else list(WORKLOADS)
    for name in names:
        if name != "sweep":
            print(compare(name, kernels, args.steps, args.repeats, speed), flush=True)
    if args.only is None or "sweep" in names:
        counts = range(2, 5) if args.quick else range(2, 13)
        print(compare_sweep(counts, kernels, args.steps), flush=True)
    if args.only is None:
        print()
        compare_peers(["A", "C"], args.steps, args.repeats, speed)
    if args.stream:
        stream(args.gigabytes)


if __name__ == "__main__":
    main()
