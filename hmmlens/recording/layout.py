"""Arrays of a batch in the form in which they are stored: steps, units, padding and precision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens import arrays
from hmmlens.errors import DataError
from hmmlens.recording.inputs import Source, kept_lengths, step_index
from hmmlens.recording.kept_steps import Steps, cut
from hmmlens.recording.store.array_specs import Spec
from hmmlens.recording.store.writers import Sink
from hmmlens.typing import Int64s

if TYPE_CHECKING:
    from hmmlens.recording.runner.batch import Batch, Node

DTYPES = ("float16", "float32", "float64")


class Piece(NamedTuple):
    """One array of a batch, as it is stored.

    Attributes
    ----------
    name : str
        ``variable``, or ``node/variable``.
    dims : tuple of str
        Its dimensions.
    values : ndarray of shape (sequence, ...)
        Its values.
    """

    name: str
    dims: tuple[str, ...]
    values: NDArray[Any]


class Layout:
    """Makes arrays of a batch into those that are stored.

    Parameters
    ----------
    source : Source
        The sequences.
    steps : slice or sequence of int or None
        Which steps are kept, see :func:`hmmlens.extract`.
    warm_up : int
        Steps that are dropped from the beginning.
    dtype : {"float16", "float32", "float64"}
        Type of the stored states.
    labels : mapping of str to array_like of shape (sequence,)
        Numbers to store with the sequences.

    Raises
    ------
    DataError
        When a setting does not fit the sequences.
    """

    def __init__(
        self, source: Source, steps: Any, warm_up: int, dtype: str, labels: Mapping[str, Any]
    ) -> None:
        if dtype not in DTYPES:
            raise DataError(f"dtype wants one of {', '.join(DTYPES)}, found {dtype!r}")
        self.source, self.steps, self.warm_up, self.dtype = source, steps, warm_up, dtype
        self.index = step_index(source.n_steps, steps, warm_up)
        #: What is known before any batch has run.
        self.fixed = {
            "length": Piece("length", ("sequence",), self._kept(source.lengths, self.index)),
            "time": Piece("time", ("time",), self.index),
        }
        for name, values in labels.items():
            array = np.asarray(values)
            if array.shape != (len(source),) or array.dtype.kind not in "biuf":
                raise DataError(
                    f"labels: {name!r} must be a number for each of the {len(source)} sequences, "
                    f"found {array.dtype} of the shape {array.shape}"
                )
            if name in ("input", "output", *self.fixed):
                raise DataError(f"labels: {name!r} is the name of another array or label")
            self.fixed[name] = Piece(name, ("sequence",), array)

    def pieces(
        self,
        sink: Sink,
        rows: slice,
        inputs: NDArray[Any],
        batch: Batch,
        units: Mapping[str, Sequence[int]] | None,
    ) -> tuple[list[Piece], float | None]:
        """Return the arrays of one batch, and the largest difference by rounding.

        Parameters
        ----------
        sink : Memory or Store
            What was written before decides on dimensions that a batch leaves open.
        rows : slice
            The sequences of the batch.
        inputs : ndarray of shape (sequence, time, ...)
            Its inputs.
        batch : Batch
            Its states and output.
        units : mapping of str to sequence of int or None
            Units of each node that are kept; None for all.

        Returns
        -------
        pieces : list of Piece
            The arrays.
        rounding : float or None
            None where the stored type is not narrower.
        """
        lengths = self.source.lengths[rows]
        root = Steps("time", self.source.n_steps, self.index, lengths)
        dims = ("sequence", "time", *_named("feature", inputs.ndim - 2))
        # An input of 0 can be given to a network again, also to one that reads what is padded.
        pieces = [Piece("input", dims, cut(inputs, root, fill=0))]
        if batch.output is not None:
            pieces.append(self._output(sink, _array(batch.output, "the output"), root))
        rounding: float | None = None
        for name, node in batch.nodes.items():
            for piece in self._node(sink, name, node, root, units):
                values, lost = rounded(piece.values, piece.name, self.dtype)
                pieces.append(piece._replace(values=values))
                rounding = lost if rounding is None or (lost or 0) > rounding else rounding
        return pieces, rounding

    def put(
        self,
        sink: Sink,
        first: int,
        pieces: Sequence[Piece],
        units: Mapping[str, Sequence[int]] | None,
    ) -> None:
        """Write the arrays of one batch.

        Parameters
        ----------
        sink : Memory or Store
            Where they are written; its arrays are made with the first batch.
        first : int
            The first sequence of the batch.
        pieces : sequence of Piece
            The arrays.
        units : mapping of str to sequence of int or None
            Units of each node that are kept; None for all.
        """
        if not sink.shapes:
            sink.create(*self._plan(pieces, units), units)
        self._same(sink, pieces)
        for piece in pieces:
            sink.write(piece.name, first, piece.values)

    def variances(self, batch: Batch, rows: slice) -> dict[str, tuple[int, Any, Any]]:
        """Return moments of the kept steps of a batch.

        Parameters
        ----------
        batch : Batch
            Its states.
        rows : slice
            Its sequences.

        Returns
        -------
        dict of str to tuple
            For each node: count, mean and summed squared deviations (unit).
        """
        found = {}
        root = Steps("time", self.source.n_steps, self.index, self.source.lengths[rows])
        for name, node in batch.nodes.items():
            steps = self._steps(name, node, root, own=None)
            values = cut(_array(node.arrays["hidden"], f"layer {name}"), steps)
            inside = np.arange(values.shape[1]) < self._kept(steps.lengths, steps.kept)[:, None]
            frames = values[inside].astype(np.float64)
            mean = frames.mean(axis=0)
            found[name] = (len(frames), mean, ((frames - mean) ** 2).sum(axis=0))
        return found

    def _output(self, sink: Sink, values: NDArray[Any], root: Steps) -> Piece:
        # A vector for each sequence that is as long as the input is taken for its steps; not so one
        # that is as long as this batch by chance, and was of the same size in the batches before.
        size, kept = values.shape[1:], (len(root.kept),)
        vector = kept != size == sink.shapes.get("output", ())[1:] and size != (root.n_steps,)
        timed = values.ndim > 2 or (values.ndim == 2 and not vector)
        if timed and size[0] in (root.n_steps, root.lengths.max()):
            dims = ("sequence", "time", *_named("output", values.ndim - 2))
            return Piece("output", dims, cut(values, root))
        own = ("output_step",) if values.ndim > 2 else ()
        dims = ("sequence", *own, *_named("output", values.ndim - 1 - len(own)))
        return Piece("output", dims, values)

    def _node(
        self,
        sink: Sink,
        name: str,
        node: Node,
        root: Steps,
        units: Mapping[str, Sequence[int]] | None,
    ) -> list[Piece]:
        own = f"{name}/length" in sink.shapes if sink.shapes else None
        steps = self._steps(name, node, root, own)
        n_units = node.arrays["hidden"].shape[2]
        pieces = []
        for variable, tensor in node.arrays.items():
            last = "unit" if tensor.shape[2] == n_units else "cell_unit"
            last = "channel" if variable == "layer_input" else last
            values = cut(_array(tensor, f"{variable} of layer {name}"), steps)
            if units is not None and last == "unit":
                values = values[:, :, units[name]]
            pieces.append(Piece(f"{name}/{variable}", ("sequence", steps.dim, last), values))
        if steps.dim == "step":
            kept = self._kept(steps.lengths, steps.kept)
            pieces.append(Piece(f"{name}/length", ("sequence",), kept))
        return pieces

    def _steps(self, name: str, node: Node, root: Steps, own: bool | None) -> Steps:
        """Return the steps of a layer: those of the input, or its own.

        Parameters
        ----------
        own : whether earlier batches had steps of the layer's own; None if there were none.
        """
        n_steps = node.arrays["hidden"].shape[1]
        if node.lengths is not None:
            lengths = node.lengths.numpy()
            same, fits = np.array_equal(lengths, root.lengths), n_steps <= root.n_steps
        else:
            lengths = np.full(len(root.lengths), n_steps)
            same = n_steps in (root.n_steps, root.lengths.max())
            fits = not self.source.ragged
        if same and not own:
            return root
        if not fits or own is False:
            raise DataError(
                f"layer {name} ran on {n_steps} steps where the input has {root.n_steps}, so it is "
                "not known where its sequences end; leave it out by naming the other layers "
                "(layers=[...]), or give sequences of one length"
            )
        n_own = root.n_steps if node.lengths is not None else n_steps
        return Steps("step", n_own, step_index(n_own, self.steps, self.warm_up), lengths)

    def _kept(self, lengths: Int64s, index: Int64s) -> NDArray[np.int32]:
        return kept_lengths(lengths, index).astype(np.int32)

    def _plan(
        self, pieces: Sequence[Piece], units: Mapping[str, Sequence[int]] | None
    ) -> tuple[list[Spec], list[tuple[Spec, NDArray[Any]]]]:
        """Return the arrays to make, and those that are whole already."""
        nodes = {p.name.split("/")[0] for p in pieces if "/" in p.name}
        if shared := sorted(nodes & set(self.fixed)):
            raise DataError(f"labels: {shared[0]!r} is the name of a layer; give it another name")
        n = len(self.source)
        growing = [
            Spec(p.name, (n, *p.values.shape[1:]), p.dims, str(p.values.dtype)) for p in pieces
        ]
        whole = list(self.fixed.values())
        for name, index in (units or {}).items():
            whole.append(Piece(f"{name}/unit", ("unit",), np.asarray(index)))
        fixed = [
            (Spec(p.name, p.values.shape, p.dims, str(p.values.dtype)), p.values) for p in whole
        ]
        return growing, fixed

    def _same(self, sink: Sink, pieces: Sequence[Piece]) -> None:
        known = set(self.fixed)
        names = {n for n in sink.shapes if n not in known and not n.endswith("/unit")}
        if names != {p.name for p in pieces}:
            differing = sorted(names ^ {p.name for p in pieces})
            raise DataError(
                f"the batches differ: {', '.join(differing)} stands in some of them only; the "
                "model must call its layers equally often for every batch"
            )
        for piece in pieces:
            if piece.values.shape[1:] != sink.shapes[piece.name][1:]:
                raise DataError(
                    f"the batches differ: {piece.name} has the shape {piece.values.shape[1:]} in "
                    f"one, {sink.shapes[piece.name][1:]} in another; give sequences of one length"
                )


def rounded(values: NDArray[Any], name: str, dtype: str) -> tuple[NDArray[Any], float | None]:
    """Return values in another precision.

    Parameters
    ----------
    values : ndarray
        The values.
    name : str
        Name of the array, for messages.
    dtype : str
        The other type.

    Returns
    -------
    values : ndarray
        Those that are not floats stay as they are.
    difference : float or None
        The largest difference, where the type is narrower.

    Raises
    ------
    DataError
        When a value is too large for the type.
    """
    if values.dtype.kind != "f" or values.dtype == dtype:
        return values, None
    with np.errstate(over="ignore"):
        cast = values.astype(dtype)
    if cast.dtype.itemsize > values.dtype.itemsize:
        return cast, None
    if (np.isinf(cast) & np.isfinite(values)).any():
        raise DataError(f"{name} is too large for {dtype}; store it as float32")
    with np.errstate(invalid="ignore"):
        apart = np.abs(cast.astype(values.dtype) - values)
    # What is padded is NaN.
    return cast, float(np.nanmax(apart, initial=0.0))


def _array(tensor: Any, name: str) -> NDArray[Any]:
    from hmmlens.recording.verification.outputs import real

    return arrays.numbers(real(tensor, name), name)


def _named(name: str, n: int) -> tuple[str, ...]:
    """Return ``n`` names of dimensions: name, name_1, name_2."""
    return tuple(name if i == 0 else f"{name}_{i}" for i in range(n))
