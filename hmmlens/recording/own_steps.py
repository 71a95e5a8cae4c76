"""Modules of a user's own that a loop calls once at every step, found by running the network."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hmmlens.recording.capture.hooks import tensors
from hmmlens.recording.runner.evaluation import as_read
from hmmlens.rnn.feeding.signature import takes_lengths
from hmmlens.rnn.layers import recurrent
from hmmlens.rnn.wrappers import own_name


class StepModule(NamedTuple):
    """A module that carries a state from step to step.

    Attributes
    ----------
    name : str
        The module's own name within the model.
    module : torch.nn.Module
        The module.
    """

    name: str
    module: nn.Module


def step_modules(
    model: nn.Module, inputs: NDArray[Any], batch_first: bool | None
) -> list[StepModule]:
    """Return the modules that are called once at every step and take what they returned before.

    Parameters
    ----------
    model : torch.nn.Module
        A network in evaluation mode.
    inputs : ndarray of shape (sequence, time, ...)
        Sequences of one length.
    batch_first : bool or None
        False where the model takes (time, sequence, ...).

    Returns
    -------
    list of StepModule
        Recurrent cells of torch, which are recorded without being named, are not among them.
    """
    n, n_steps = inputs.shape[:2]
    named = {own_name(path): part for path, part in model.named_modules()}
    modules = {name: part for name, part in named.items() if name and not recurrent(part)}
    results: dict[str, list[list[Tensor]]] = {name: [] for name in modules}
    carried = dict.fromkeys(modules, 0)

    def _hook(name: str) -> Any:
        def _called(_: nn.Module, args: Any, kwargs: dict[str, Any], result: Any) -> None:
            before = results[name][-1] if results[name] else []
            given = [t for t, _ in tensors([*args, *kwargs.values()])]
            carried[name] += any(_same(a, b) for a in given for b in before)
            results[name].append([t.detach().clone() for t, _ in tensors(result)])

        return _called

    handles = [
        part.register_forward_hook(_hook(name), with_kwargs=True) for name, part in modules.items()
    ]
    x = as_read(inputs, model)
    options: dict[str, Any] = {}
    if takes_lengths(model):
        options["lengths"] = torch.full((n,), n_steps)
    try:
        model(x.transpose(0, 1) if batch_first is False else x, **options)
    finally:
        for handle in handles:
            handle.remove()
    return [
        StepModule(name, modules[name])
        for name, calls in results.items()
        if len(calls) == n_steps > 1 and carried[name] == n_steps - 1
    ]


def _same(one: Tensor, other: Tensor) -> bool:
    """Return whether two tensors are the same, as a state that is passed on is."""
    return one.shape == other.shape and one.dtype == other.dtype and bool(torch.equal(one, other))
