"""Arithmetic without subnormal numbers, which processors compute with many times slower.

Densities far from a state and transitions that have decayed make products below 2.2e-308. They are
subnormal, and processors handle each of them by microcode: an E-step on real trajectories takes two
to five times as long. Where the platform allows it, they are replaced by 0 during the passes. A
product of that size has no effect on a sum of probabilities of ordinary size, and sequences whose
whole probability is that small are repeated in log space (:mod:`hmmlens.hmm.engine.passes.rescue`).
"""

from __future__ import annotations

import ctypes
import functools
import platform
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

#: Size of the environment of floating-point arithmetic of x86-64, and the place of its register
#: MXCSR in it (System V ABI: 28 bytes of the x87 unit come first).
_SIZE, _MXCSR = 32, 28
#: Bits of MXCSR: results that are subnormal, and operands that are, count as 0.
_FLUSH = 0x8000 | 0x0040


@functools.cache
def _library() -> ctypes.CDLL | None:
    """Return the C library's mathematics, None where the layout of its environment is not known."""
    if not sys.platform.startswith("linux") or platform.machine() not in ("x86_64", "AMD64"):
        return None
    try:
        library = ctypes.CDLL("libm.so.6")
        library.fegetenv, library.fesetenv  # noqa: B018
    except (OSError, AttributeError):
        return None
    return library


def _read(library: ctypes.CDLL) -> bytearray:
    environment = ctypes.create_string_buffer(_SIZE)
    library.fegetenv(environment)
    return bytearray(environment.raw)


def _set(library: ctypes.CDLL, environment: bytearray, register: int) -> None:
    struct.pack_into("I", environment, _MXCSR, register)
    library.fesetenv(bytes(environment))


@contextmanager
def flushed() -> Iterator[None]:
    """Replace subnormal numbers by 0 in this thread; no effect where the platform has no way.

    Examples
    --------
    >>> import numpy as np
    >>> with flushed():
    ...     product = np.array([1e-300]) * 1e-10
    >>> float(product[0]) in (0.0, 1e-310)
    True
    """
    library = _library()
    if library is None:
        yield
        return
    environment = _read(library)
    (register,) = struct.unpack_from("I", environment, _MXCSR)
    _set(library, environment, register | _FLUSH)
    try:
        yield
    finally:
        _set(library, _read(library), register)


def without_subnormals(function: Callable[P, R]) -> Callable[P, R]:
    """Return a function that runs with subnormal numbers replaced by 0, see :func:`flushed`.

    Parameters
    ----------
    function : callable
        The function.

    Returns
    -------
    callable
        The same function.
    """

    @functools.wraps(function)
    def _flushed(*args: P.args, **kwargs: P.kwargs) -> R:
        with flushed():
            return function(*args, **kwargs)

    return _flushed
