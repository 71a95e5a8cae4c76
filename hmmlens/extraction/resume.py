"""What tells whether an extraction that was killed may be continued."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import hmmlens
from hmmlens.extraction.sinks import Sink, Store
from hmmlens.extraction.source import Source, digest

log = logging.getLogger(__name__)


def fingerprint(model: Any, settings: Sequence[Any], fixed: Mapping[str, Any]) -> str | None:
    """Return a hash of weights and settings, or None of an object whose weights are hidden.

    Parameters
    ----------
    fixed : name -> array that goes into the store as it is.
    """
    import torch

    if not isinstance(model, torch.nn.Module):
        return None
    versions = [hmmlens.__version__, torch.__version__]
    sha = hashlib.sha256(json.dumps([*settings, versions], default=str).encode())
    sha.update(repr(model).encode())
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        sha.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        sha.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    for name, values in fixed.items():
        sha.update(f"{name} {values.dtype}".encode() + np.ascontiguousarray(values).tobytes())
    return sha.hexdigest()


def forget_changed(sink: Sink, source: Source, batch_size: int) -> None:
    """Start anew unless the batches that are done were made from the same inputs."""
    for index, about in enumerate(sink.done):
        rows = slice(index * batch_size, min((index + 1) * batch_size, len(source)))
        if about["digest"] != digest(source.batch(rows), source.lengths[rows]):
            assert isinstance(sink, Store)
            log.info("the inputs have changed; the extraction starts anew")
            sink.restart()
            return
    if sink.done:
        log.info("continuing after batch %d", len(sink.done))
