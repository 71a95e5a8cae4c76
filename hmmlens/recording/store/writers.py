"""A Zarr store of a recording, written batch by batch, which can be continued."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hmmlens.errors import DataError, StoreError
from hmmlens.io import ownership, seals, store, writing
from hmmlens.io.locks import LOCK, Lock
from hmmlens.io.writing import writing_to
from hmmlens.ragged import INSIDE
from hmmlens.recording.store import unfinished
from hmmlens.recording.store.array_specs import Fixed, Spec, Units
from hmmlens.recording.store.memory import Memory
from hmmlens.recording.store.trees import read_tree
from hmmlens.recording.store.unfinished import LOG


class Store:
    """Writes a Zarr store under another name, batch by batch, and renames it when it is whole.

    Every batch fills whole chunks, and a line in a log records that it is there. What was killed is
    continued after the last such line, if it was made from the same (``fingerprint``).

    It is a context: on entering, the unfinished folder is locked against other writers, and what is
    there already is refused unless hmmlens wrote it. What is unfinished stays on disk, to be
    continued, unless the block ends with a ``DataError``.

    Parameters
    ----------
    path : Path
        The store's folder.
    partial : Path
        The folder until it is whole.
    fingerprint : str or None
        Of model and settings; None to start anew always.
    batch_size : int
        Sequences of a batch.
    """

    def __init__(self, path: Path, partial: Path, fingerprint: str | None, batch_size: int) -> None:
        self.path, self.partial = writing.resolved(path), writing.resolved(partial)
        self.fingerprint, self.batch_size = fingerprint, batch_size
        self.units: Units | None = None
        self.done: list[dict[str, Any]] = []
        self._arrays: dict[str, Any] = {}
        self._lock = Lock(self.partial, self.path)
        import zarr

        # Every thread of Zarr keeps a chunk's worth or more for itself, and chunks come one by one.
        # Zarr has one pool for the whole process, so this holds for what else is read in it too.
        zarr.config.set({"threading.max_workers": 1})

    def __enter__(self) -> Store:
        """Lock the folder, and take up what a run before this one has finished.

        Raises
        ------
        StoreError
            When another process writes the store, or what is there was not written by hmmlens.
        """
        with writing_to(self.path):
            self._lock.claim(self._check)
            try:
                self._continue()
            except BaseException:
                self._lock.release()
                raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Let go of the lock, and delete what is of no use."""
        useless = kind is not None and issubclass(kind, DataError)
        # What goes wrong here may not hide why the block ended.
        with suppress(OSError, StoreError):
            if self.partial.exists() and (useless or not self._begun()):
                self._clear()
                self._lock.release(self.partial / LOCK)
                self.partial.rmdir()
        self._lock.release()

    def _check(self) -> None:
        if self.path == self.partial:
            raise StoreError(f"{self.path}: store and partial are the same folder; name another")
        ownership.verified(self.path, "activations")
        unfinished.verified(self.partial)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.partial.parent.mkdir(parents=True, exist_ok=True)
        if self.path.parent.stat().st_dev != self.partial.parent.stat().st_dev:
            raise StoreError(
                f"{self.partial}: lies on another file system than {self.path}, so it cannot be "
                "renamed when it is whole; name a folder on the same one"
            )

    def _begun(self) -> bool:
        return any(entry.name != LOCK for entry in self.partial.iterdir())

    def _clear(self) -> None:
        ownership.delete(self.partial, unfinished.verified(self.partial), {LOCK, LOG})
        # Last, because it proves that the others may be deleted.
        (self.partial / LOG).unlink(missing_ok=True)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the arrays that there are.

        Returns
        -------
        dict of str to tuple of int
            By the names of the arrays.
        """
        return {name: array.shape for name, array in self._arrays.items()}

    def _continue(self) -> None:
        """Take up what a run before this one has finished."""
        head, lines = unfinished.read_log(self.partial)
        if self.fingerprint is None or not lines or head["fingerprint"] != self.fingerprint:
            return
        import zarr

        # What Zarr was writing when it was killed.
        for stray in self.partial.rglob("*.partial"):
            stray.unlink()
        root = zarr.open_group(self.partial, mode="r+")
        self._arrays = {name: root[name] for name in head["arrays"]}
        ready, *self.done = lines
        self.units = head["units"]
        # A line that was cut off may not be joined by the next one.
        unfinished.write_log(self.partial, [head, ready, *self.done])

    def restart(self) -> None:
        """Forget what a run before this one has finished."""
        self.units, self.done, self._arrays = None, [], {}

    def create(self, specs: Sequence[Spec], fixed: Fixed, units: Units | None) -> None:
        """Make the arrays of the store.

        Parameters
        ----------
        specs : sequence of Spec
            Arrays that grow batch by batch.
        fixed : sequence of (Spec, ndarray)
            Arrays that are whole, and are written now.
        units : mapping of str to sequence of int or None
            Units of each node that are kept.
        """
        import zarr
        from zarr.codecs import BloscCodec

        every = [*specs, *(spec for spec, _ in fixed)]
        with writing_to(self.path):
            self._clear()
            head = unfinished.head(self.fingerprint, units, [spec.name for spec in every])
            unfinished.write_log(self.partial, [head])
            root = zarr.create_group(self.partial, zarr_format=3)
            for spec in every:
                # Activations hardly shrink, so the codec is a fast one.
                codec = BloscCodec(cname="lz4", clevel=1, shuffle="bitshuffle")
                self._arrays[spec.name] = root.create_array(
                    spec.name, shape=spec.shape, dtype=spec.dtype, chunks=self._chunks(spec),
                    dimension_names=spec.dims, compressors=codec,
                    config={"write_empty_chunks": True},
                )  # fmt: skip
            for spec, values in fixed:
                self._arrays[spec.name][:] = values
            self.units = units
            unfinished.append_log(self.partial, {"ready": True})

    def _chunks(self, spec: Spec) -> tuple[int, ...]:
        if len(spec.shape) < 2:
            return spec.shape
        rows = store.rows_per_chunk(spec.shape, np.dtype(spec.dtype).itemsize)
        size = min(self.batch_size, spec.shape[0])
        # Even parts of a batch, so that no chunk waits for the next one.
        parts = next(k for k in range(1, size + 1) if size % k == 0 and size // k <= rows)
        return (size // parts, *spec.shape[1:])

    def write(self, name: str, first: int, values: NDArray[Any]) -> None:
        """Write entries of an array.

        Parameters
        ----------
        name : str
            Name of the array.
        first : int
            The first sequence.
        values : ndarray of shape (sequence, ...)
            The entries.
        """
        array = self._arrays[name]
        # Chunk by chunk, because Zarr holds copies of all chunks of one call.
        rows = array.chunks[0]
        with writing_to(self.path):
            for begin in range(0, len(values), rows):
                part = values[begin : begin + rows]
                array[first + begin : first + begin + len(part)] = part

    def batch_done(self, about: dict[str, Any]) -> None:
        """Note that a batch is whole.

        Parameters
        ----------
        about : dict
            What is noted of it.
        """
        self.done.append(about)
        with writing_to(self.path):
            unfinished.append_log(self.partial, about)

    def close(self, attributes: Mapping[str, Mapping[str, Any]]) -> xr.DataTree:
        """Give the store its attributes and its name, and open it.

        Parameters
        ----------
        attributes : mapping of str to mapping
            Attributes of each node.

        Returns
        -------
        DataTree
            The recording, whose arrays are read when they are used.

        Raises
        ------
        StoreError
            When something that hmmlens did not write was put under its name meanwhile.
        """
        import zarr

        with writing_to(self.path):
            root = zarr.open_group(self.partial, mode="r+")
            for node, attrs in attributes.items():
                group = root if node == "/" else root[node.strip("/")]
                # JSON has no NaN.
                group.attrs.update({k: None if v != v else v for k, v in attrs.items()})
            seals.seal_store(self.partial, {LOG, LOCK})
            (self.partial / LOG).unlink()
            ownership.replace(self.partial, self.path, "activations")
            # The lock came along, so that nobody could take the folder's old name meanwhile.
            self._lock.release(self.path / LOCK)
        return read_tree(self.path)


Sink = Memory | Store


def write_tree(tree: xr.DataTree, path: Path) -> None:
    """Write a recording in memory as a store that :func:`.trees.read_tree` opens.

    Parameters
    ----------
    tree : DataTree
        The recording.
    path : Path
        The store.
    """
    arrays: dict[str, xr.Variable] = {
        f"{node.path.strip('/')}/{name}".lstrip("/"): variable
        for node in tree.subtree
        for name, variable in node.to_dataset(inherit=False).variables.items()
        if name != INSIDE
    }
    specs = [
        Spec(name, v.shape, tuple(map(str, v.dims)), str(v.dtype)) for name, v in arrays.items()
    ]
    sink = Store(path, path.with_name(path.name + ".partial"), None, tree.sizes["sequence"])
    attributes = {n.path: {str(k): v for k, v in n.attrs.items()} for n in tree.subtree}
    with sink:
        sink.create(specs, [], None)
        for name, variable in arrays.items():
            sink.write(name, 0, variable.to_numpy())
        sink.close(attributes)
