"""Start a benchmark again with one thread and without settings that slow linear algebra down.

Import it, and call :func:`restart`, before NumPy is imported.
"""

from __future__ import annotations

import os
import sys

#: Settings that make OpenBLAS take a kernel for an older processor; nobody is measured with them.
SLOWING = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
#: XLA, by which JAX computes, has settings of its own.
ONE = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}


def restart() -> None:
    """Replace this process, unless it has one thread already."""
    slow = any(name in os.environ for name in SLOWING)
    if slow or any(os.environ.get(name) != value for name, value in ONE.items()):
        clean = {name: value for name, value in os.environ.items() if name not in SLOWING}
        os.execve(sys.executable, [sys.executable, *sys.argv], clean | ONE)
