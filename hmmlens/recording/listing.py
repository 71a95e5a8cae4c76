"""What of a network could be recorded, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import nn

from hmmlens.errors import DataError, HmmlensError, no_exit, one_line
from hmmlens.recording import protocol
from hmmlens.recording.extract import extract
from hmmlens.recording.inputs import Source
from hmmlens.recording.models import refusal
from hmmlens.recording.nested_states import checked
from hmmlens.recording.own_steps import StepModule, step_modules
from hmmlens.recording.runner.evaluation import evaluation_mode
from hmmlens.recording.structured.network import structured
from hmmlens.recording.verification.replay import allowed
from hmmlens.rnn.layers import RecordedModule, belongs, endings, find, recurrent
from hmmlens.rnn.loop_variables import carried_variables

#: Sequences that are run to find shapes.
N_SEQUENCES = 2

YES = "yes"
NO_STEP = "no: the network has no start, step and readout"
NO_EQUATIONS = "no: the equations of {} are not known"
LATER = "no: its states depend on later inputs"
NOT_RUN = "not known: a run on inputs shows it"


class ListedLayer(NamedTuple):
    """One layer in one direction, or a module that could be recorded by its name.

    Attributes
    ----------
    layer : str
        Name for ``layer`` or, of what is recorded by name, for ``layers``.
    kind : str
        The class of the module, or ``variable``.
    n_units : int or None
        Hidden units; None where a run must show them.
    replay, prefix_readout : str
        ``yes``, or ``no`` and why not; see :func:`list_layers`.
    direction : str
        ``forward`` or ``backward``.
    n_inputs : int or None
        Features that it reads; None where they are not known.
    n_steps : int or None
        Steps of the recorded states; None where nothing was run.
    recorded : str
        ``by default``, or ``by name`` where ``layers`` must name it.
    step, dynamics : str
        As ``replay``.
    """

    layer: str
    kind: str
    n_units: int | None
    replay: str
    prefix_readout: str
    direction: str = "forward"
    n_inputs: int | None = None
    n_steps: int | None = None
    recorded: str = "by default"
    step: str = NO_STEP
    dynamics: str = NO_STEP


def list_layers(
    model: Any,
    inputs: Any = None,
    lengths: Any = None,
    *,
    batch_first: bool | None = None,
    feed: Callable[..., Any] | None = None,
    output: str | int | None = None,
) -> pd.DataFrame:
    """List what of a network could be recorded, and what is possible with it.

    Parameters
    ----------
    model : torch.nn.Module or object
        See :func:`hmmlens.extract`.
    inputs : array_like or mapping, optional
        What the network reads, see :func:`hmmlens.extract`. The first two sequences are run, which
        shows the number of steps, whether states replay and depend on later inputs, and which
        modules of your own a loop calls. Without inputs the layers of torch are listed by their
        classes, and variables that a loop carries from step to step by the source.
    lengths : array_like of shape (sequence,), optional
        Steps of each sequence where they differ.
    batch_first : bool, optional
        False where the model takes (time, sequence, ...).
    feed, output : object, optional
        How the network is called, and which of its outputs counts; see :func:`hmmlens.extract`.

    Returns
    -------
    DataFrame
        One row for each layer and direction; the columns are the attributes of
        :class:`ListedLayer`. ``replay``: whether recorded states are stepped once more through the
        equations of the layer. ``prefix_readout``: whether a state depends on the inputs up to its
        step alone, so that the output of the network on these inputs is the readout of the state.
        ``step``: whether the network can be advanced by single steps from any state. ``dynamics``:
        whether its fixed points, endpoints and Jacobians can be found.

    Raises
    ------
    DataError
        When the network cannot be run, or holds nothing to record.

    Examples
    --------
    >>> import torch
    >>> network = torch.nn.GRU(2, 3, bidirectional=True, batch_first=True)
    >>> table = list_layers(network, np.zeros((4, 5, 2)))
    >>> table[["layer", "direction", "n_units", "n_steps", "replay"]].values.tolist()
    [['rnn', 'forward', 3, 5, 'yes'], ['rnn_reverse', 'backward', 3, 5, 'yes']]
    """
    if reason := refusal(model):
        raise DataError(reason)
    model, inputs, lengths, *_ = structured(model, inputs, lengths, feed, output, batch_first)
    some = None if inputs is None else _some(Source(inputs, lengths))
    is_module = isinstance(model, nn.Module)
    torch_layers = is_module and any(recurrent(part) for part in model.modules())
    if protocol.follows(model) and not torch_layers:
        with evaluation_mode(model) if is_module else nullcontext():
            rows = _by_steps(model, some)
    elif not is_module:
        raise DataError(
            f"{type(model).__name__} is no torch.nn.Module and lacks some of start, step, readout"
        )
    else:
        own = _variables(model) if some is None else _named(model, some, batch_first)
        layers = find(model, None) if torch_layers or not own else []
        if some is None:
            rows = [*(row for item in layers for row in _by_class(item)), *own]
        else:
            rows = [*(_measured(model, layers, some, batch_first) if layers else []), *own]
    return pd.DataFrame(rows, columns=list(ListedLayer._fields), dtype=object)


def _some(source: Source) -> NDArray[Any]:
    """Return the first sequences (sequence, time, ...), cut to the same length."""
    rows = slice(0, min(N_SEQUENCES, len(source)))
    return source.batch(rows)[:, : int(source.lengths[rows].min())]


def _by_steps(model: Any, some: NDArray[Any] | None) -> list[ListedLayer]:
    """Return the layers of an object with ``start``, ``step`` and ``readout``."""
    replay, n_steps = YES, None if some is None else some.shape[1]
    if some is not None:
        acts = _recorded(model, some, None, None)
        replay = _replay(acts, "", YES)
    kind = type(model).__name__
    return [
        ListedLayer(
            name, kind, arrays[0].shape[1], replay, YES, n_steps=n_steps, step=YES, dynamics=YES
        )
        for name, arrays in checked(model.start(1), "start", 1).items()
    ]


def _by_class(item: RecordedModule) -> list[ListedLayer]:
    """Return the layers of a recurrent module by its class alone."""
    module: Any = item.module
    kind = type(module).__name__
    replay = YES if item.known else NO_EQUATIONS.format(kind)
    two = getattr(module, "bidirectional", False)
    n_units = getattr(module, "proj_size", 0) or module.hidden_size
    rows = []
    for index, end in enumerate(endings(module)):
        backward = end.endswith("_reverse")
        first = index < (2 if two else 1)
        n_inputs = module.input_size if first else n_units * (2 if two else 1)
        later = backward or (two and not first)
        direction = "backward" if backward else "forward"
        prefix = LATER if later else NOT_RUN
        name = item.node + end
        rows.append(ListedLayer(name, kind, n_units, replay, prefix, direction, n_inputs))
    return rows


def _measured(
    model: nn.Module,
    layers: list[RecordedModule],
    some: NDArray[Any],
    batch_first: bool | None,
) -> list[ListedLayer]:
    """Return the layers of torch as a run shows them."""
    acts = _recorded(model, some, None, batch_first)
    known = {row.layer: row for item in layers for row in _by_class(item)}
    rows = []
    for name, node in acts.children.items():
        item = next(item for item in layers if belongs(name, item.node))
        same = known.get(name) or _by_class(item)[0]
        hidden = node["hidden"]
        rows.append(
            same._replace(
                layer=name,
                n_units=hidden.shape[2],
                n_steps=hidden.shape[1],
                replay=_replay(acts, name, same.replay),
                prefix_readout=_prefix(model, acts, name, None, some, batch_first),
            )
        )
    return rows


def _variables(model: nn.Module) -> list[ListedLayer]:
    """Return the variables that loops carry from step to step, as the source shows them."""
    return [
        ListedLayer(name, "variable", None, NO_EQUATIONS.format(name), NOT_RUN, recorded="by name")
        for name in carried_variables(model)
    ]


def _named(model: nn.Module, some: NDArray[Any], batch_first: bool | None) -> list[ListedLayer]:
    """Return the modules and variables of a loop that are recorded by their names."""
    with evaluation_mode(model), _described(some):
        found = step_modules(model, some, batch_first)
    rows = []
    for row in [*_modules(found), *_variables(model)]:
        try:
            acts = _recorded(model, some, [row.layer], batch_first)
        except DataError:
            # Of the variables some are counters, or states of another kind.
            continue
        if len(acts.children) != 1:
            continue
        (name,) = acts.children
        hidden = acts[name]["hidden"]
        if "time" in hidden.dims:
            prefix = _prefix(model, acts, name, [row.layer], some, batch_first)
            n_steps, n_units = hidden.shape[1:]
            rows.append(row._replace(n_steps=n_steps, n_units=n_units, prefix_readout=prefix))
    return rows


def _modules(found: list[StepModule]) -> list[ListedLayer]:
    kinds = [(name, type(module).__name__) for name, module in found]
    return [
        ListedLayer(name, kind, None, NO_EQUATIONS.format(kind), NOT_RUN, recorded="by name")
        for name, kind in kinds
    ]


def _recorded(
    model: Any, some: NDArray[Any], layers: list[str] | None, batch_first: bool | None
) -> xr.DataTree:
    """Return what is recorded of a network."""
    with _described(some):
        return extract(
            model, some, layers=layers, batch_first=batch_first, verify="all", progress=False
        )


@contextmanager
def _described(some: NDArray[Any]) -> Iterator[None]:
    """Report what a user's own code raises in one sentence."""
    try:
        with no_exit("the network"):
            yield
    except HmmlensError:
        raise
    except Exception as error:
        raise DataError(
            f"the network fails on inputs of the shape {some.shape} of {some.dtype}: "
            f"{one_line(error)}"
        ) from error


def _replay(acts: xr.DataTree, name: str, otherwise: str) -> str:
    """Return whether a layer was replayed, or why not."""
    attributes = acts[name].attrs if name else acts.attrs
    if np.isfinite(attributes["replay_error"]) or otherwise != YES:
        return otherwise
    return f"no: {acts.attrs['replay'].removeprefix('unknown: ')}"


def _prefix(
    model: Any,
    acts: xr.DataTree,
    name: str,
    layers: list[str] | None,
    some: NDArray[Any],
    batch_first: bool | None,
) -> str:
    """Return whether the states on the first half of the inputs are those on all of them."""
    hidden = acts[name]["hidden"]
    half = some.shape[1] // 2
    if "time" not in hidden.dims:
        return "no: the layer has other steps than the input"
    if not half:
        return "no: one step is too few to find out"
    try:
        again = _recorded(model, some[:, :half], layers, batch_first)
    except DataError as error:
        return f"no: {error}"
    if name not in again.children or again[name]["hidden"].shape[1] != half:
        return "no: the layer runs on other steps where inputs are fewer"
    whole, part = hidden.to_numpy()[:, :half], again[name]["hidden"].to_numpy()
    limit = allowed(float(np.abs(whole).max(initial=0.0)), torch.float32)
    return YES if float(np.abs(whole - part).max(initial=0.0)) <= limit else LATER
