"""Whether an extraction that was killed may be continued."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

import hmmlens
from hmmlens.recording.inputs import Source, digest
from hmmlens.recording.store.writers import Sink, Store

log = logging.getLogger(__name__)


def fingerprint(model: Any, settings: Sequence[Any], fixed: Mapping[str, Any]) -> str | None:
    """Return a hash of all that determines a recording but its inputs.

    It covers weights, code and plain attributes (see :mod:`hmmlens.recording.store.identity`) and
    the settings.

    Parameters
    ----------
    model : torch.nn.Module or object
        The network.
    settings : sequence of object
        The settings of the recording.
    fixed : mapping of str to ndarray
        Arrays that go into the store as they are.

    Returns
    -------
    str or None
        None of an object whose weights or content are hidden: it cannot be compared.
    """
    import torch

    from hmmlens.recording.store import identity

    if not isinstance(model, torch.nn.Module):
        return None
    content = identity.of_module(model)
    if content is None:
        return None
    versions = [hmmlens.__version__, torch.__version__]
    sha = hashlib.sha256(json.dumps([*settings, versions], default=str).encode())
    sha.update(repr(model).encode() + content.encode())
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        sha.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} {tensor.device}".encode())
        sha.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    for name, values in fixed.items():
        sha.update(f"{name} {values.dtype}".encode() + np.ascontiguousarray(values).tobytes())
    return sha.hexdigest()


def checksum(arrays: Iterable[NDArray[Any]]) -> int:
    """Return a number that differs between the states of different networks.

    Parameters
    ----------
    arrays : iterable of ndarray of shape (sequence, ...)
        The arrays of one batch. Some steps of each count.

    Returns
    -------
    int
        A CRC-32.
    """
    total = 0
    for values in arrays:
        every = max(1, math.prod(values.shape[1:2]) // 8)
        some = values[:, ::every] if values.ndim > 2 else values
        total = zlib.crc32(np.ascontiguousarray(some).data.cast("B"), total)
    return total


def forget_changed(
    sink: Sink, source: Source, batch_size: int, again: Callable[[int], int]
) -> None:
    """Start anew unless the batches that are done were made from the same inputs and by the same.

    Parameters
    ----------
    sink : Memory or Store
        What is written.
    source : Source
        The sequences.
    batch_size : int
        Sequences of a batch.
    again : callable
        Runs a batch and returns its checksum. A module does more than its weights show: its code,
        its plain attributes, a state that it carries from batch to batch.
    """
    for index, about in enumerate(sink.done):
        rows = slice(index * batch_size, min((index + 1) * batch_size, len(source)))
        if about["digest"] != digest(source.batch(rows), source.lengths[rows]):
            assert isinstance(sink, Store)
            log.info("the inputs have changed; the extraction starts anew")
            sink.restart()
            return
    if sink.done and again(len(sink.done) - 1) != sink.done[-1]["states"]:
        assert isinstance(sink, Store)
        log.info("the network holds other states than before; the extraction starts anew")
        sink.restart()
    elif sink.done:
        log.info("continuing after batch %d", len(sink.done))
