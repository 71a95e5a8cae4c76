"""Which GPU a process uses: the one that it was given, or one that no other process has.

A process sees the devices that the environment variable ``CUDA_VISIBLE_DEVICES`` names, and CUDA
reads it once, so :func:`claim` comes before the first call of ``torch.cuda``.
"""

from __future__ import annotations

import fcntl
import logging
import os
import tempfile
from collections.abc import MutableMapping
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

VISIBLE = "CUDA_VISIBLE_DEVICES"

#: Locks of this process. They are free again when it ends, however it ends.
_held: list[IO[str]] = []


def choose(wanted: str) -> torch.device:
    """Return the device to compute on, and log it in one line.

    On a GPU, single precision is kept whole, so that what is recorded can be replayed, and sums are
    taken in a fixed order, so that a training that was killed ends as one that was not.

    Parameters
    ----------
    wanted : {"cpu", "cuda", "auto"}
        ``auto`` is the CPU where no GPU is free.

    Returns
    -------
    torch.device
        The device.

    Raises
    ------
    StoreError
        When ``cuda`` is wanted and there is none.
    """
    message = "as was asked for" if wanted == "cpu" else claim()
    from hmmlens.rnn import recurrent_network

    place = recurrent_network.pick_device(wanted)
    if place.type == "cuda":
        import torch

        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.deterministic = True
        message += f", {torch.cuda.get_device_name()}"
    if place.type == "cpu" and message.startswith("GPU"):
        message += ", but torch sees no CUDA there"
    log.info("device %s: %s", place, message)
    return place


def visible_devices(
    environ: MutableMapping[str, str] | None = None, dev: Path = Path("/dev")
) -> list[str]:
    """Return the devices that this process may use.

    What ``CUDA_VISIBLE_DEVICES`` names was given to it. Without that variable a job of SLURM was
    given none, though the node may have some, and any other process has all of the machine.

    Parameters
    ----------
    environ : mapping of str to str, optional
        Environment variables; by default those of this process.
    dev : Path, optional
        Folder of NVIDIA's devices.

    Returns
    -------
    list of str
        Their names, which are numbers or UUIDs.
    """
    environ = os.environ if environ is None else environ
    if VISIBLE in environ:
        return [name for name in environ[VISIBLE].split(",") if name.strip() not in ("", "-1")]
    if "SLURM_JOB_ID" in environ:
        return []
    numbers = [path.name.removeprefix("nvidia") for path in dev.glob("nvidia[0-9]*")]
    return sorted((number for number in numbers if number.isdigit()), key=int)


def claim(
    environ: MutableMapping[str, str] | None = None,
    dev: Path = Path("/dev"),
    locks: Path | None = None,
) -> str:
    """Take one device for this process, hide all others from it, and return a line for the log.

    Of several devices it takes the first that no other process of this user has, by a lock on a
    file for each device. Where all are taken it shares one.

    Parameters
    ----------
    environ : mapping of str to str, optional
        Environment variables, in which the variable is set; by default those of this process.
    dev : Path, optional
        Folder of NVIDIA's devices.
    locks : Path, optional
        Folder of the lock files; by default one for this user in the temporary folder.

    Returns
    -------
    str
        Which device was taken, and of how many.
    """
    environ = os.environ if environ is None else environ
    names = visible_devices(environ, dev)
    if len(names) > 1:
        if locks is None:
            locks = Path(tempfile.gettempdir()) / f"hmmlens-gpus-{os.getuid()}"
        locks.mkdir(mode=0o700, exist_ok=True)
        name = next((name for name in names if _lock(locks / name)), None)
        if name is None:
            name = names[os.getpid() % len(names)]
            message = f"GPU {name}, shared, because all of {', '.join(names)} are taken"
        else:
            message = f"GPU {name} of {', '.join(names)}"
    elif names:
        name = names[0]
        message = f"GPU {name}"
    else:
        name = ""
        message = "this job was given no GPU"
    environ[VISIBLE] = name
    return message


def _lock(path: Path) -> bool:
    """Take a lock on a file until this process ends; False if another process has it."""
    stream = path.open("a")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        stream.close()
        return False
    _held.append(stream)
    return True
