"""The one call: record the states of every recurrent layer of a network at every step."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hmmlens.errors import DataError, no_exit
from hmmlens.recording.attributes import attributes
from hmmlens.recording.inputs import RestartError, Source, digest
from hmmlens.recording.layout import Layout
from hmmlens.recording.settings import ReplaySampling
from hmmlens.recording.store.memory import Memory
from hmmlens.recording.store.resume import checksum, fingerprint, forget_changed
from hmmlens.recording.store.writers import Sink, Store
from hmmlens.recording.unit_selection import Units, most_variable, unit_numbers
from hmmlens.recording.verification.batch_sampling import sampled_batches

#: How the reason begins for which a module of a user's own is not replayed.
NO_EQUATIONS = "the equations of "

#: Characters of the progress bar.
BAR = 30


def extract(
    model: Any,
    inputs: Any,
    lengths: Any = None,
    *,
    layers: Sequence[str] | None = None,
    units: Units | None = None,
    steps: slice | Sequence[int] | None = None,
    warm_up: int = 0,
    cell: bool = True,
    gates: bool = False,
    layer_inputs: bool = False,
    batch_size: int = 64,
    batch_first: bool | None = None,
    step_outputs: Literal["prefix", "suffix"] | None = None,
    verify: Literal["sample", "all", "none"] | ReplaySampling = "sample",
    feed: Callable[..., Any] | None = None,
    output: str | int | None = None,
    dtype: Literal["float16", "float32", "float64"] = "float32",
    store: str | Path | None = None,
    partial: str | Path | None = None,
    labels: Mapping[str, Any] | None = None,
    made_by: Mapping[str, Any] | None = None,
    progress: bool | Callable[[int, int], None] | None = None,
) -> xr.DataTree:
    """Return the states of every recurrent layer of a network at every step, checked by replay.

    Parameters
    ----------
    model : torch.nn.Module or object
        A module with ``nn.RNN``, ``nn.GRU``, ``nn.LSTM`` or their cells anywhere inside; or any
        object with ``start``, ``step`` and ``readout``, see :mod:`hmmlens.recording.protocol`. It
        is run in evaluation mode, and its mode is restored. A ``forward`` that has a parameter
        ``lengths`` is given them, as a tensor (sequence).
    inputs : array_like of shape (sequence, time) or (sequence, time, feature, ...), or mapping
        Symbols or values: a NumPy, torch, Zarr or xarray array, read batch by batch, or a list of
        sequences of different lengths; or a mapping of names to these and to arrays (sequence) or
        (sequence, feature) that are constant within a sequence. The names are those of the
        arguments of ``forward``, or of the keys of its only argument, a dict, or of the fields of
        the NamedTuple or dataclass that its only argument is annotated as. What is recorded as
        ``input`` then has a column for each number of a step.
    lengths : array_like of shape (sequence,), optional
        Steps of each sequence, where ``inputs`` are padded at the end. What is recorded of a
        sequence is what the module gives for it alone: padding is replaced by zeros, and where a
        module reads it (backwards, or by pooling, attention or convolution over time), which is
        tested, sequences of equal length are run together without padding.
    layers : sequence of str, optional
        Names of nodes or of modules, see :mod:`hmmlens.rnn.layers`; by default all. A module that
        holds no layer of torch is recorded (its output) when it is named here.
    units : int, sequence of int, or mapping of str to sequence of int, optional
        Unit numbers for all nodes or for each; or a number, for the so many units of every layer
        with the largest variance, which takes one more pass. Hidden states of a projected LSTM are
        chosen, its cell is kept whole.
    steps : slice or sequence of int, optional
        Which steps are kept, as a slice or rising numbers, counted in the steps of the layer.
    warm_up : int, default=0
        Steps that are dropped from the beginning.
    cell : bool, default=True
        Record cell states of LSTMs, which torch's layers do not show; computed by replay.
    gates : bool, default=False
        Record gates and pre-activations.
    layer_inputs : bool, default=False
        Record what each layer reads.
    batch_size : int, default=64
        Sequences that go through the network at once.
    batch_first : bool, optional
        False where the model takes (time, sequence, ...).
    step_outputs : {"prefix", "suffix"}, optional
        Record an output (sequence, time, output) also of a module that returns one for each
        sequence, as ``fc(out[:, -1])`` does: what it returns for the steps up to each, or from each
        on. Those of prefixes are computed from the recorded states where this gives the same as
        runs on some prefixes of each batch that is replayed. By default outputs stay as they are.
    verify : {"sample", "all", "none"} or ReplaySampling, default="sample"
        ``sample`` replays the whole module on one batch in 16 and on 4 at least, the first and the
        last among them, the others sampled with a fixed seed;
        :class:`hmmlens.recording.settings.ReplaySampling` gives other numbers. ``all`` replays
        it on every batch, ``none`` on none. Where cells or gates are recorded, the layers are
        replayed on every batch in any case. What is replayed whole also runs once more with the
        sequences in other places, see :mod:`hmmlens.recording.verification.batch_independence`.
    feed : callable, optional
        Takes the dict of tensors of one batch, or the tensor where ``inputs`` is one array, and
        returns (args, kwargs) for the module, or its only argument. One with a parameter
        ``lengths`` is given the steps of each sequence.
    output : str or int, optional
        Which output is recorded, where the module returns several: a key, a field or attribute,
        or the index in a tuple. By default the first tensor; of a mapping of several tensors one
        must be named.
    dtype : {"float16", "float32", "float64"}, default="float32"
        Type of the states on disk or in memory. The rounding error of a narrower type is an
        attribute.
    store : path, optional
        Folder of a Zarr store to write batch by batch; by default all is kept in memory. What was
        killed goes on after its last whole batch, and gives the same bytes. A store that is there
        already is replaced only if this function wrote it and no file in it was added or changed
        since.
    partial : path, optional
        The store's folder until it is whole; by default ``STORE.partial``. While it is written it
        is locked against other writers.
    labels : mapping of str to array_like of shape (sequence,), optional
        Numbers to store with the sequences, such as split or group.
    made_by : mapping of str to object, optional
        Attributes of the store that describe what made it.
    progress : bool or callable, optional
        Show a bar on stderr, or a function of batches done and all batches. By default a bar is
        shown where stderr is a terminal and there are several batches.

    Returns
    -------
    DataTree
        Root: ``input`` and ``output`` (sequence, time, ...), ``length`` (sequence), labels,
        coordinate ``time`` (the step numbers). One node for each layer and direction, in the order
        of the forward pass, which is also the attribute ``layers``: a list for each layer, of
        the names of its nodes, two for a bidirectional layer. Each node holds ``hidden``
        (sequence, time, unit); for LSTMs ``cell``; where wanted ``reset_gate``,
        ``reset_gate_preactivation`` ... and ``layer_input`` (sequence, time, channel). A layer with
        other steps than the input has the dimension ``step`` and a ``length`` of its own. States
        and outputs are NaN past the end of a sequence (whole numbers and inputs 0), and where
        sequences end early every array has the coordinate ``inside`` (sequence, time), True before
        the end, which :func:`hmmlens.reduce`, :class:`hmmlens.HMMSweep` and the models read.
        Attributes: ``columns``, names of the columns of several inputs; ``replay_error``, the
        largest difference in the replay, NaN where it is not known; ``replay``, how many batches
        were replayed, or why nothing could be, or that noise or a state from the call before went
        into the layers; ``rounding_error`` for a narrower ``dtype``; ``batches``, where sequences
        of equal length were run together because the module reads padding; where ``step_outputs``
        were made of one for each sequence, ``step_outputs`` (what they are), ``step_outputs_by``
        (how they were computed), ``step_outputs_error`` (the largest difference to runs on
        prefixes), ``reads_later`` (whether states depend on later inputs) and ``both_directions``
        (whether a layer reads in both). Each node has its own ``replay_error``. From a store,
        arrays are read when they are used.

    Raises
    ------
    DataError
        When the replay differs, with the layer and the step; when a layer reads the sequences in
        another order; when inputs or names do not fit.
    StoreError
        Before anything runs, when the content of ``store`` or ``partial`` is not what this function
        wrote, or another process is writing there; and when the system refuses to write.

    Examples
    --------
    >>> import torch
    >>> network = torch.nn.LSTM(2, 3, batch_first=True)
    >>> recording = extract(network, np.zeros((4, 5, 2)))
    >>> recording["rnn"]["cell"].shape, recording.attrs["replay"]
    ((4, 5, 3), '1 of 1 batches replayed whole')
    """
    from hmmlens.recording.models import runner_of
    from hmmlens.recording.structured.missing_values import Missing
    from hmmlens.recording.structured.network import structured

    model, inputs, lengths, columns, _ = structured(
        model, inputs, lengths, feed, output, batch_first
    )
    about_inputs = {} if columns is None else {"columns": columns}
    made_by = {**about_inputs, **(made_by or {})}
    source = Source(inputs, lengths)
    if batch_size < 1:
        raise DataError(f"batch_size must be 1 or more, found {batch_size}")
    n_batches = -(-len(source) // batch_size)
    if step_outputs not in (None, "prefix", "suffix"):
        raise DataError(f"step_outputs wants 'prefix', 'suffix' or None, found {step_outputs!r}")
    runner, context = runner_of(
        model, layers, (cell, gates, layer_inputs), batch_first, step_outputs
    )
    layout = Layout(source, steps, warm_up, dtype, labels or {})
    settings: list[Any] = [
        layers,
        str(units),
        str(steps),
        warm_up,
        cell,
        gates,
        layer_inputs,
        batch_size,
    ]
    settings += [batch_first, verify, dtype, source.shape, made_by]
    # A store that was begun with other padding is not continued.
    settings.append("NaN past each end")
    if step_outputs is not None:
        settings.append(step_outputs)
    sink: Sink = Memory()
    if store is not None:
        path = Path(store)
        unfinished = Path(partial) if partial else path.with_name(path.name + ".partial")
        fixed = {name: piece.values for name, piece in layout.fixed.items()}
        sink = Store(path, unfinished, fingerprint(model, settings, fixed), batch_size)
    checked = sampled_batches(n_batches, verify)
    numbers = np.asarray((labels or {}).get("sequence", np.arange(len(source))))

    def _run(index: int, verified: bool) -> tuple[slice, Any, NDArray[Any]]:
        rows = slice(index * batch_size, min((index + 1) * batch_size, len(source)))
        values = source.batch(rows)
        missing = Missing(values, source.lengths[rows], numbers[rows], made_by.get("columns"))
        with no_exit("the network"), missing.named():
            batch = runner.run(values, source.lengths[rows], verified)
        missing.refuse_untaken(batch)
        return rows, batch, values

    def _again(index: int) -> int:
        rows, batch, values = _run(index, False)
        pieces, _ = layout.pieces(sink, rows, values, batch, sink.units)
        return checksum(piece.values for piece in pieces)

    def _record() -> None:
        forget_changed(sink, source, batch_size, _again)
        chosen = sink.units if sink.done else _units(units, _run, n_batches, layout)
        for index in range(len(sink.done), n_batches):
            rows, batch, values = _run(index, index in checked)
            pieces, rounding = layout.pieces(sink, rows, values, batch, chosen)
            layout.put(sink, rows.start, pieces, chosen)
            about = {
                "digest": digest(values, source.lengths[rows]),
                "states": checksum(piece.values for piece in pieces),
                "whole": index in checked,
                "error": batch.error,
                "unknown": batch.unknown,
                "layers": batch.layers,
                "steps": batch.steps and batch.steps._asdict(),
                "nodes": {name: node.error for name, node in batch.nodes.items()},
                "rounding": rounding,
            }
            doubt = batch.doubt
            # The next run needs the room.
            del batch, values, pieces
            if not about["unknown"]:
                about["unknown"] = doubt()
            elif about["unknown"].startswith(NO_EQUATIONS) and (reason := doubt()):
                about["unknown"] += f"; {reason}"
            sink.batch_done(about)
            del doubt
            _report(progress, index + 1, n_batches)

    with context, sink:
        shorter = np.flatnonzero(source.lengths < source.n_steps)
        if sink.done and (len(shorter) or step_outputs):
            # As when it began, the first batch with padding shows how all of them are run.
            first = int(shorter[0]) // batch_size if len(shorter) else 0
            rows = slice(first * batch_size, min((first + 1) * batch_size, len(source)))
            with no_exit("the network"):
                runner.settle(source.batch(rows), source.lengths[rows])
        while True:
            try:
                _record()
                break
            except RestartError:
                # Each cause arises once, so this ends.
                sink.restart()
        naming = getattr(model, "state_names", None)
        names = naming() if units is None and callable(naming) else None
        return sink.close(attributes(sink.done, made_by, n_batches, runner.by_length, names))


def _units(
    units: Units | None, run: Callable[..., Any], n_batches: int, layout: Layout
) -> dict[str, list[int]] | None:
    """Return node -> unit numbers, or None for all units."""
    if units is None:
        return None
    if isinstance(units, int | np.integer):
        passes = (run(index, False) for index in range(n_batches))
        return most_variable(
            int(units), (layout.variances(batch, rows) for rows, batch, _ in passes)
        )
    nodes = run(0, False)[1].nodes
    return unit_numbers(
        units, {name: node.arrays["hidden"].shape[2] for name, node in nodes.items()}
    )


def _report(progress: bool | Callable[[int, int], None] | None, done: int, n_batches: int) -> None:
    if callable(progress):
        progress(done, n_batches)
    elif progress or (progress is None and n_batches > 1 and sys.stderr.isatty()):
        bar = "#" * (BAR * done // n_batches)
        end = "\n" if done == n_batches else ""
        line = f"\rrecording [{bar:.<{BAR}}] {done} of {n_batches} batches"
        print(line, end=end, file=sys.stderr, flush=True)
