"""Which compiled kernel runs the E-step, and NumPy where there is none."""

from __future__ import annotations

import ctypes
import functools
import logging
import os
from pathlib import Path

from hmmlens.errors import DataError
from hmmlens.hmm.engine.kernel import call
from hmmlens.hmm.engine.passes import estep

log = logging.getLogger(__name__)

#: Environment variable that names the kernel; ``auto``, the default, takes the fastest.
VARIABLE = "HMMLENS_KERNEL"
_V3 = ("avx2", "fma", "bmi1", "bmi2", "f16c", "movbe", "abm")
_V4 = ("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl")
#: What a processor must have for each kernel, in the words of /proc/cpuinfo; the fastest first.
FLAGS = {"v4": frozenset(_V3 + _V4), "v3": frozenset(_V3)}
NUMPY = "numpy"


def path_of(name: str) -> Path:
    """Return where the installation puts a kernel.

    Parameters
    ----------
    name : str
        ``v3`` or ``v4``.

    Returns
    -------
    Path
        A shared library, which need not exist.
    """
    return Path(__file__).with_name(f"estep_{name}.so")


def processor_flags(path: str = "/proc/cpuinfo") -> frozenset[str]:
    """Return what the processor has and the operating system lets programs use.

    Parameters
    ----------
    path : str, default="/proc/cpuinfo"
        Where Linux lists it.

    Returns
    -------
    frozenset of str
        Empty on other systems.
    """
    try:
        with open(path) as file:
            line = next((line for line in file if line.startswith("flags")), "")
    except OSError:
        return frozenset()
    return frozenset(line.partition(":")[2].split())


@functools.cache
def library(name: str) -> ctypes.CDLL | None:
    """Return a kernel.

    Parameters
    ----------
    name : str
        ``v3`` or ``v4``.

    Returns
    -------
    CDLL or None
        None where it was not built, or not for this version, or the processor cannot run it.
    """
    path = path_of(name)
    if not path.exists() or not processor_flags() >= FLAGS[name]:
        return None
    try:
        found = ctypes.CDLL(str(path))
    except OSError as error:
        log.warning("the compiled E-step %s cannot be loaded: %s", path.name, error)
        return None
    if found.interface_version() != call.INTERFACE_VERSION:
        log.warning(
            "the compiled E-step %s is of another version of hmmlens and is not used; install "
            "hmmlens again", path.name,
        )  # fmt: skip
        return None
    return found


def available() -> list[str]:
    """Return what can run the E-step here, the fastest first.

    Returns
    -------
    list of str
        Some of ``v4`` and ``v3``, and ``numpy``.
    """
    return [*(name for name in FLAGS if library(name) is not None), NUMPY]


def chosen() -> str:
    """Return what runs the E-step: what :data:`VARIABLE` names, or the fastest.

    Returns
    -------
    str
        ``v4``, ``v3`` or ``numpy``.

    Raises
    ------
    DataError
        When the variable names no kernel, or one that cannot run here.
    """
    name = os.environ.get(VARIABLE, "") or "auto"
    if name == "auto":
        return available()[0]
    names = ("auto", *FLAGS, NUMPY)
    if name not in names:
        raise DataError(f"{VARIABLE} must be one of {', '.join(names)}, found {name!r}")
    if name not in available():
        why = "this processor lacks what it needs" if path_of(name).exists() else "it is not built"
        raise DataError(
            f"{VARIABLE} is {name}, but {why}; available here: {', '.join(available())}"
        )
    return name


def expectation() -> call.Expect:
    """Return the E-step that :func:`chosen` names, and log once which one it is.

    Returns
    -------
    callable
        See :data:`hmmlens.hmm.engine.em.Expect`.
    """
    name = chosen()
    _announce(name)
    return expectation_of(name)


@functools.cache
def expectation_of(name: str) -> call.Expect:
    """Return the E-step by name.

    Parameters
    ----------
    name : str
        One of :func:`available`.

    Returns
    -------
    callable
        See :data:`hmmlens.hmm.engine.em.Expect`.
    """
    found = None if name == NUMPY else library(name)
    return estep.expect if found is None else call.by(found)


@functools.cache
def _announce(name: str) -> None:
    if name != NUMPY:
        log.info("the E-step runs in the compiled kernel %s", name)
    elif any(path_of(each).exists() for each in FLAGS):
        log.info("the E-step runs in NumPy")
    else:
        log.info(
            "the E-step runs in NumPy, because the compiled kernel is not built; an installation "
            "on Linux and x86-64 builds it where there is a C++ compiler"
        )
