"""The networks of an explanation: the untrained control, recording, and checks of their outputs."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import xarray as xr

import hmmlens
from hmmlens.errors import DataError, HmmlensError, no_exit, one_line
from hmmlens.explanation.readout import note, one_direction
from hmmlens.recording import activations, in_memory
from hmmlens.recording.store.resume import fingerprint
from hmmlens.recording.store.trees import read_tree
from hmmlens.rnn import loop_variables, output_checks
from hmmlens.rnn.wrappers import unwrapped
from hmmlens.seeds import derive_seed
from hmmlens.stages.record import record
from hmmlens.typing import Ints

log = logging.getLogger(__name__)


def untrained_control(model: Any, untrained: Any, seed: int) -> Any:
    """Return the network to compare with, or None.

    Parameters
    ----------
    model : module
        The trained network.
    untrained : module, "redraw" or None
        The network before training; ``"redraw"`` samples the weights of ``model`` anew.
    seed : int
        Seed of the new weights.

    Returns
    -------
    module or None
        None where there is nothing to compare with.

    Raises
    ------
    DataError
        When the network cannot be copied.
    """
    if not isinstance(untrained, str):
        return untrained
    if untrained != "redraw":
        raise DataError(f"untrained is {untrained!r}; a network, 'redraw' or None is needed")
    from torch import nn

    from hmmlens.rnn.loading import duplicate, reinitialise

    if not isinstance(model, nn.Module):
        log.info("%s is no torch module, so there is no untrained control", type(model).__name__)
        return None
    try:
        with no_exit(f"a copy of {type(model).__name__}"):
            untrained = duplicate(model)
    except Exception as error:
        raise DataError(
            f"{type(unwrapped(model)).__name__} cannot be copied to make the untrained control "
            f"({type(error).__name__}: {str(error).strip().partition(chr(10))[0]}); give another "
            "network as untrained, or untrained=None to leave this control out"
        ) from error
    return reinitialise(untrained, derive_seed(seed, "untrained"))


@contextmanager
def naming_the_control(role: str) -> Iterator[None]:
    """Name the untrained control, which can be left out, in an error that it causes.

    Parameters
    ----------
    role : str
        ``trained`` or ``untrained``.

    Yields
    ------
    None

    Raises
    ------
    DataError
        What is raised within, with the control named.
    """
    try:
        yield
    except DataError as error:
        if role == "trained":
            raise
        raise DataError(
            f"the untrained control: {error}; give another network as untrained, or leave this "
            "control out (untrained=None, --no-untrained)"
        ) from error


def record_network(
    network: Any,
    sequences: xr.Dataset,
    chosen: Ints,
    layers: Sequence[str] | None,
    batch_first: bool | None,
    path: Path | None,
    about: Mapping[str, Any],
    **options: Any,
) -> xr.DataTree:
    """Record a network on the chosen sequences, or take what a killed run has recorded.

    Parameters
    ----------
    network : module
        The network.
    sequences : Dataset
        The ``sequences`` store.
    chosen : ndarray of shape (sequence,)
        Which of its sequences are recorded.
    layers : sequence of str or None
        Layers to record, see :func:`hmmlens.extract`.
    batch_first : bool or None
        False where the network takes (time, sequence, ...).
    path : Path or None
        The store to write.
    about : mapping
        Attributes that describe the origin of the network.
    **options : dict
        Further arguments of :func:`hmmlens.extract`.

    Returns
    -------
    DataTree
        The ``activations`` store.

    Raises
    ------
    DataError
        When the network fails on the inputs.
    """
    part = sequences.isel(sequence=chosen)
    part = part.assign(input=activations.network_input(part, "torch"))
    arrays = {name: part[name].to_numpy() for name in ("input", "length", "split")}
    made_by = {"created_by": f"hmmlens.explain, hmmlens {hmmlens.__version__}", **about}
    if arrays["input"].ndim > 2:
        made_by["columns"] = sequences.attrs["feature_names"][: arrays["input"].shape[2]]
    if path:
        settings = [layers, batch_first, options.get("step_outputs"), dict(about)]
        made_by["fingerprint"] = fingerprint(network, settings, {**arrays, "sequence": chosen})
        if path.exists() and made_by["fingerprint"]:
            whole = read_tree(path)
            if whole.attrs["fingerprint"] == made_by["fingerprint"]:
                log.info("taking what a run before this one has recorded")
                return whole
    try:
        return record(
            network, arrays["input"], sequences, chosen,
            layers=layers,
            batch_first=batch_first,
            store=path,
            made_by=made_by,
            **options,
        )  # fmt: skip
    except HmmlensError:
        raise
    except Exception as error:
        # Whatever a user's own forward raises.
        raise DataError(
            f"the network fails on inputs of the shape {arrays['input'].shape} of "
            f"{arrays['input'].dtype}: {one_line(error)}"
        ) from error


def check_output(acts: xr.DataTree, name: str, trained: xr.DataTree, sequences: xr.Dataset) -> None:
    """Refuse a network whose output or layer cannot be compared with the trained network's.

    Parameters
    ----------
    acts : DataTree
        Recorded states of the network.
    name : str
        The layer that is explained.
    trained : DataTree
        Recorded states of the trained network.
    sequences : Dataset
        The ``sequences`` store.

    Raises
    ------
    DataError
        When they differ, or outputs are not finite.
    """
    shapes = [tree["output"].shape if "output" in tree else None for tree in (acts, trained)]
    if shapes[0] != shapes[1]:
        raise DataError(
            f"it returns an output of the shape {shapes[0]}, the trained network one of {shapes[1]}"
        )
    missing = [n for n in name.split(activations.TOGETHER) if n not in acts.children]
    if missing:
        raise DataError(f"it has no layer {missing[0]!r}; it has: {', '.join(acts.children)}")
    output_checks.check_output(
        acts["output"].to_numpy(),
        acts["length"].to_numpy(),
        sequences.attrs["target_kind"],
        sequences.attrs["target_names"],
        acts["sequence"].to_numpy(),
    )


def layer_and_outputs(
    acts: xr.DataTree,
    layer: str | None,
    sequences: xr.Dataset,
    names: Mapping[str, Sequence[str]],
) -> tuple[str, xr.Dataset]:
    """Return the layer's name, and the sequences with the names of the network's outputs.

    Parameters
    ----------
    acts : DataTree
        Recorded states of the trained network.
    layer : str or None
        The layer that a caller asks for; None for the last of the forward pass.
    sequences : Dataset
        The ``sequences`` store.
    names : mapping
        ``output`` -> names of the outputs.

    Returns
    -------
    name : str
        One node of ``acts``, or several with ``+`` between them.
    sequences : Dataset
        With the attribute ``target_names`` and, where there is something to know about outputs
        and directions, ``readout_note``.

    Raises
    ------
    DataError
        When there is no such layer, or no output for every step.
    """
    name = activations.default_layer(acts) if layer is None else _named(acts, layer)
    name = one_direction(acts, name, asked=layer is not None)
    dims = [str(dim) for dim in acts["output"].dims] if "output" in acts else []
    if dims != ["sequence", "time", "output"]:
        raise DataError(
            "the network must return (sequence, time, output), an output for every step, or one "
            "for each sequence; found " + (f"({', '.join(dims)})" if dims else "no tensor")
        )
    n_outputs = acts["output"].shape[2]
    if n_outputs < 2 and sequences.attrs["target_kind"] == "symbols":
        raise DataError("logits are one output for each of two or more symbols; found 1: values")
    named = in_memory.named("output", names.get("output"), n_outputs)
    sequences = sequences.assign_attrs(target_names=named)
    about = note(acts, name)
    return name, sequences.assign_attrs(readout_note=about) if about else sequences


def _named(acts: xr.DataTree, layer: str) -> str:
    """Return the node that a name means, or the nodes with ``+`` between them."""
    found = list(acts.children)
    names = [
        loop_variables.base_name(name) if loop_variables.is_variable(name) else name
        for name in layer.split(activations.TOGETHER)
    ]
    if all(name in found for name in names):
        return activations.TOGETHER.join(names)
    if len(found) == 1:
        # The name of a module that has one node.
        return found[0]
    raise DataError(
        f"layer {layer!r} is several: {', '.join(found)}; name one of them, or several with + "
        f"between them, as {activations.TOGETHER.join(found[:2])}"
    )
