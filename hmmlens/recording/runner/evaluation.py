"""How a torch module is run: on inputs of its type and device, in evaluation mode."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hmmlens.rnn.feeding.module import FeedingModule


def as_read(inputs: NDArray[Any], model: nn.Module, as_floats: bool = False) -> Tensor:
    """Return inputs as a tensor of the type and on the device of a module's first parameters.

    Parameters
    ----------
    inputs : ndarray
        Symbols or values.
    model : torch.nn.Module
        The module.
    as_floats : bool, default=False
        Convert whole numbers to floats too.

    Returns
    -------
    Tensor
        Of the same shape.
    """
    floats = [p for p in model.parameters() if p.is_floating_point()]
    x = torch.from_numpy(np.ascontiguousarray(inputs))
    x = x.to(floats[0].device if floats else torch.device("cpu"))
    if isinstance(model, FeedingModule) and model.parts is not None:
        # Columns of symbols are whole numbers, which a narrow type would round.
        return x
    if x.is_floating_point() or as_floats:
        return x.to(floats[0].dtype if floats else torch.float32)
    return x if x.dtype == torch.bool else x.long()


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Put a module into evaluation mode, without gradients, within a ``with`` block.

    Parameters
    ----------
    model : torch.nn.Module
        The modes of its parts are restored at the end.

    Yields
    ------
    None
        While the module is in evaluation mode.
    """
    modes = [(module, module.training) for module in model.modules()]
    # TensorFloat-32 would make a layer on a GPU differ from its own weights.
    tf32 = torch.backends.cudnn.allow_tf32
    try:
        model.eval()
        torch.backends.cudnn.allow_tf32 = False
        with torch.no_grad():
            yield
    finally:
        torch.backends.cudnn.allow_tf32 = tf32
        for module, mode in modes:
            module.training = mode
