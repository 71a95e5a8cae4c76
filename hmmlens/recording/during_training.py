"""Record the states of a model while something else runs it, such as a training."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from hmmlens.errors import DataError
from hmmlens.ragged import INSIDE

if TYPE_CHECKING:
    from hmmlens.recording.capture.hooks import Call


class Recorder(Sequence[Any]):
    """The records of a model's calls, in their order, each a tree of its layers.

    A record's root has the attributes ``call``, the number of the call from 0, and ``training``,
    whether the model was in training mode; ``left_out`` lists what could not be recorded. Its nodes
    are those of :func:`hmmlens.extract`, with ``hidden`` (sequence, time, unit) and what else was
    wanted; where the layer read packed sequences also ``length`` (sequence) and the coordinate
    ``inside`` (sequence, time), and states are NaN past a sequence's end.

    Parameters
    ----------
    keep : int or None
        Records that are kept; None for all.
    """

    def __init__(self, keep: int | None) -> None:
        self.n_calls = 0
        self._records: deque[xr.DataTree] = deque(maxlen=keep)

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: Any) -> Any:
        return list(self._records)[index] if isinstance(index, slice) else self._records[index]

    def add(self, tree: xr.DataTree) -> None:
        """Append a record.

        Parameters
        ----------
        tree : DataTree
            The record.
        """
        self._records.append(tree)


@contextmanager
def record(
    model: Any,
    *,
    every: int = 1,
    keep: int | None = None,
    layers: Sequence[str] | None = None,
    cell: bool = True,
    gates: bool = False,
) -> Iterator[Recorder]:
    """Record the states of a model whenever it is called, within a ``with`` block.

    Works by hooks alone, so that the training may be a plain loop or a trainer of some library
    (``with hmmlens.record(module) as acts: trainer.fit(module)``). Where a trainer calls layers
    without calling the model, each call of a layer is a call of its own; for cells in a loop give
    the submodule that holds the loop.

    Parameters
    ----------
    model : torch.nn.Module
        A module with recurrent layers.
    every : int, default=1
        Record one call in so many, beginning with the first.
    keep : int, optional
        Keep the last so many records only; by default all.
    layers : sequence of str, optional
        Names of nodes or modules, see :func:`hmmlens.extract`; by default all.
    cell : bool, default=True
        Record cell states of LSTMs. Between the layers of a stack with dropout in training, only
        the first layer and the states of the last one are known.
    gates : bool, default=False
        Record gates and pre-activations.

    Yields
    ------
    Recorder
        The records, which grow as the model is called.

    Raises
    ------
    DataError
        When the model holds nothing to record.

    See Also
    --------
    hmmlens.extract : Runs the model on given inputs and records it, checked by replay.
    hmmlens.stages.record.record : The stage of a study, which calls ``extract``; only the name is
        the same.

    Examples
    --------
    >>> import torch
    >>> network = torch.nn.GRU(2, 3, batch_first=True)
    >>> with record(network) as records:
    ...     _ = network(torch.zeros(4, 5, 2))
    >>> dict(records[0]["rnn"].sizes)
    {'sequence': 4, 'time': 5, 'unit': 3}
    """
    import torch

    from hmmlens.recording.capture.hooks import hooked
    from hmmlens.recording.verification.replay import Wants
    from hmmlens.rnn.layers import find

    for name, number in (("every", every), ("keep", 1 if keep is None else keep)):
        if number < 1:
            raise DataError(f"{name} must be 1 or more, found {number}")
    found, wants, recorder = find(model, layers), Wants(cell, gates), Recorder(keep)
    calls: list[Call] = []
    depth = 0

    def _due() -> bool:
        return recorder.n_calls % every == 0

    def _finish() -> None:
        if _due() and calls:
            with torch.no_grad():
                recorder.add(_tree(calls, found, layers, wants, recorder.n_calls, model.training))
        calls.clear()
        recorder.n_calls += 1

    def _on_call(call: Call) -> None:
        calls.append(call)
        if not depth:
            _finish()

    def _begin(*_: Any) -> None:
        nonlocal depth
        depth += 1

    def _end(_: Any, __: Any, result: Any) -> None:
        nonlocal depth
        depth -= 1
        if result is None and sys.exc_info()[0] is not None:
            # The call has failed; an error alone may be one that the caller is dealing with.
            calls.clear()
        elif not depth:
            _finish()

    handles = [model.register_forward_pre_hook(_begin)]
    handles += [hooked(item, _on_call, True, _due) for item in found]
    handles += [model.register_forward_hook(_end, always_call=True)]
    try:
        yield recorder
    finally:
        for handle in handles:
            handle.remove()


def _tree(
    calls: Sequence[Call],
    found: Any,
    layers: Sequence[str] | None,
    wants: Any,
    number: int,
    training: bool,
) -> xr.DataTree:
    """Return the record of one call."""
    from hmmlens.recording.capture.segments import segments
    from hmmlens.recording.runner.node_states import node_of, replay_segments
    from hmmlens.recording.verification.outputs import real
    from hmmlens.rnn.layers import chosen

    nodes: dict[str, xr.Dataset] = {}
    left_out = []
    parts_of = segments(calls, 0)
    for name in chosen(parts_of, layers, found):
        parts = parts_of[name]
        own = wants
        if _unseen(parts[0]):
            module: Any = parts[0].calls[0].recorded.module
            if parts[0].layer < module.num_layers - 1:
                left_out.append(f"{name}: behind dropout")
                continue
            own = wants._replace(cell=False, gates=False)
            left_out.append(f"{name}: all but hidden, behind dropout")
        try:
            steps = replay_segments(parts, name, own, False, None)
        except DataError as error:
            # A training is not stopped by what it is recorded with.
            left_out.append(str(error))
            steps = [None] * len(parts)
        node = node_of(parts, steps, own)
        arrays: dict[str, Any] = {}
        try:
            found_here = {v: real(t, f"{v} of layer {name}") for v, t in node.arrays.items()}
        except DataError as error:
            left_out.append(str(error))
            continue
        for variable, tensor in found_here.items():
            same = tensor.shape[2] == node.arrays["hidden"].shape[2]
            last = "unit" if same else "cell_unit"
            values = tensor.detach().float().cpu().numpy()
            if node.lengths is not None:
                inside = np.arange(values.shape[1]) < node.lengths.numpy()[:, None]
                values = np.where(inside[..., None], values, np.nan)
                arrays[INSIDE] = (("sequence", "time"), inside)
            arrays[variable] = (("sequence", "time", last), values)
        if node.lengths is not None:
            arrays["length"] = ("sequence", node.lengths.numpy().astype(np.int32))
        data = xr.Dataset(arrays)
        nodes[f"/{name}"] = data.set_coords(INSIDE) if INSIDE in arrays else data
    attrs = {"call": number, "training": training, "left_out": "; ".join(left_out)}
    return xr.DataTree.from_dict({"/": xr.Dataset(attrs=attrs), **nodes})


def _unseen(segment: Any) -> bool:
    """Return whether dropout has changed what the layer read, in a way that torch does not show."""
    module = segment.calls[0].recorded.module
    stacked = getattr(module, "num_layers", 1) > 1 and module.dropout > 0
    return bool(stacked and module.training and segment.layer > 0)
