"""Models that can be recorded, and what runs each of them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from torch import nn

from hmmlens.errors import DataError
from hmmlens.recording import protocol
from hmmlens.recording.runner.evaluation import evaluation_mode
from hmmlens.recording.runner.padding import Padded
from hmmlens.recording.runner.part_outputs import Part
from hmmlens.recording.runner.step_outputs import StepOutputs
from hmmlens.recording.runner.torch_module import Runner
from hmmlens.recording.verification.replay import Wants
from hmmlens.rnn.layers import recurrent

#: What to do about a Keras model. With torch as Keras's back end, it is a torch module as well.
KERAS = (
    "model is a Keras model; convert it by hmmlens.rnn.adapters.keras.convert(model), which "
    "gives a torch module with the same weights"
)


def runner_of(
    model: Any,
    layers: Any,
    wanted: tuple[bool, bool, bool],
    batch_first: bool | None,
    step_outputs: Part | None = None,
) -> tuple[Any, Any]:
    """Return what runs batches, and the context to run them in.

    Parameters
    ----------
    model : torch.nn.Module or object
        The network.
    layers : sequence of str or None
        Names of nodes or modules to record, or None for all.
    wanted : tuple of bool
        Whether cells, gates and inputs of layers are recorded.
    batch_first : bool or None
        Whether the model takes (sequence, time, ...); None for the layout of the model itself.
    step_outputs : {"prefix", "suffix"}, optional
        Make an output for every step, where the model has one for each sequence.

    Returns
    -------
    runner : Padded, StepOutputs or protocol.Runner
        It runs batches.
    context : context manager
        Batches are run within it.

    Raises
    ------
    DataError
        When the model cannot be run.
    """
    wants = Wants(*wanted)
    if reason := refusal(model):
        raise DataError(reason)
    if isinstance(layers, str):
        raise DataError(f"layers wants a list of names, such as [{layers!r}]")
    is_module = isinstance(model, nn.Module)
    if protocol.follows(model) and not (is_module and any(recurrent(m) for m in model.modules())):
        context = evaluation_mode(model) if is_module else nullcontext()
        return protocol.Runner(model, layers, wants), context
    if not is_module:
        raise DataError(
            f"{type(model).__name__} is no torch.nn.Module and lacks some of start, step, readout"
        )
    padded = Padded(Runner(model, layers, wants, batch_first))
    runner = padded if step_outputs is None else StepOutputs(padded, step_outputs)
    return runner, evaluation_mode(model)


def refusal(model: Any) -> str:
    """Return what to do about a model that cannot be run as it is.

    Parameters
    ----------
    model : object
        What a caller gives as a network.

    Returns
    -------
    str
        Empty where it can be run.
    """
    if isinstance(model, type):
        return f"model is the class {model.__name__}; give an instance, {model.__name__}(...)"
    if isinstance(model, str | Path):
        return (
            f"model is the path {str(model)!r}; build the module and load its weights first, or "
            "use the command hmmlens explain"
        )
    kinds = {kind.__module__.partition(".")[0] for kind in type(model).__mro__}
    if kinds & {"keras", "tf_keras"}:
        return KERAS
    if isinstance(model, Mapping) and not isinstance(model, nn.Module):
        return (
            "model is a dict, such as a state dict, which holds weights without the network; build "
            "the module, and give it the weights by module.load_state_dict(...)"
        )
    if isinstance(model, nn.Module):
        tensors = [*model.named_parameters(), *model.named_buffers()]
        if meta := [name for name, values in tensors if values.is_meta]:
            return (
                f"{meta[0]!r} of {type(model).__name__} is on the meta device, which holds no "
                "values; give the module its memory and weights, by module.to_empty(device='cpu') "
                "and module.load_state_dict(...)"
            )
    return ""
