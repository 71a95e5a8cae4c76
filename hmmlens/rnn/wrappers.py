"""Modules around a user's module, and names without them.

``torch.compile`` and :class:`hmmlens.rnn.feeding.module.FeedingModule` hold it as ``_orig_mod``.
"""

from __future__ import annotations

from torch import nn

#: The attribute that holds the module within.
INNER = "_orig_mod"


def unwrapped(model: nn.Module) -> nn.Module:
    """Return the module that wrappers are around.

    Parameters
    ----------
    model : torch.nn.Module
        Any module.

    Returns
    -------
    torch.nn.Module
        The innermost one; the module itself where there is no wrapper.
    """
    while isinstance(inner := model._modules.get(INNER), nn.Module):
        model = inner
    return model


def own_name(path: str) -> str:
    """Return the name of a module within a model, without those of wrappers around it.

    Parameters
    ----------
    path : str
        As ``named_modules`` gives it.

    Returns
    -------
    str
        Without ``_orig_mod``.

    Examples
    --------
    >>> own_name("_orig_mod.encoder.rnn")
    'encoder.rnn'
    """
    return ".".join(part for part in path.split(".") if part != INNER)
