"""Where recorded arrays go: into memory, or into a Zarr store that can be continued."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hmmlens import store
from hmmlens.zarr_chunks import refuse_lost

#: The log of finished batches in a store that is being written.
LOG = "batches.jsonl"


class Spec(NamedTuple):
    """One array.

    name : ``variable``, or ``node/variable``
    shape, dims, dtype : of the whole array
    """

    name: str
    shape: tuple[int, ...]
    dims: tuple[str, ...]
    dtype: str


Units = Mapping[str, Sequence[int]]
Fixed = Sequence[tuple[Spec, NDArray[Any]]]


class Memory:
    """Keeps everything in memory."""

    def __init__(self) -> None:
        self.arrays: dict[str, NDArray[Any]] = {}
        self.specs: dict[str, Spec] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.done: list[dict[str, Any]] = []
        self.units: Units | None = None

    def create(self, specs: Sequence[Spec], fixed: Fixed, units: Units | None) -> None:
        """Make room for the arrays ``specs``, and keep those of ``fixed``."""
        self.units = units
        for spec in [*specs, *(spec for spec, _ in fixed)]:
            self.specs[spec.name], self.shapes[spec.name] = spec, spec.shape
        self.arrays = {spec.name: np.zeros(spec.shape, dtype=spec.dtype) for spec in specs}
        self.arrays |= {spec.name: values for spec, values in fixed}

    def restart(self) -> None:
        """Forget what was kept."""
        self.units, self.done = None, []
        self.arrays, self.specs, self.shapes = {}, {}, {}

    def write(self, name: str, first: int, values: NDArray[Any]) -> None:
        """Put in the entries from ``first`` on."""
        self.arrays[name][first : first + len(values)] = values

    def batch_done(self, about: dict[str, Any]) -> None:
        """Note that a batch is whole."""
        self.done.append(about)

    def close(self, attributes: Mapping[str, Mapping[str, Any]]) -> xr.DataTree:
        """Return the arrays with the attributes of every node."""
        nodes = {path: xr.Dataset(attrs=dict(attrs)) for path, attrs in attributes.items()}
        for name, spec in self.specs.items():
            node, _, variable = name.rpartition("/")
            data = xr.Variable(spec.dims, self.arrays[name])
            nodes[f"/{node}"] = nodes[f"/{node}"].assign({variable: data})
        return xr.DataTree.from_dict(nodes)

    def discard(self) -> None:
        """Let go of what was kept."""
        self.arrays.clear()


class Store:
    """Writes a Zarr store under another name, batch by batch, and renames it when it is whole.

    Every batch fills whole chunks, and a line in a log says that it is there. What was killed is
    continued after the last such line, if it was made from the same (``fingerprint``).

    Parameters
    ----------
    path : the store's folder.
    partial : the folder until it is whole.
    fingerprint : of model and settings; None to start anew always.
    batch_size : sequences that come at once.
    """

    def __init__(self, path: Path, partial: Path, fingerprint: str | None, batch_size: int) -> None:
        self.path, self.partial = Path(path), Path(partial)
        self.fingerprint, self.batch_size = fingerprint, batch_size
        self.units: Units | None = None
        self.done: list[dict[str, Any]] = []
        self._arrays: dict[str, Any] = {}
        import zarr

        # Every thread of Zarr keeps a chunk's worth or more for itself, and chunks come one by one.
        # Zarr has one pool for the whole process, so this holds for what else is read in it too.
        zarr.config.set({"threading.max_workers": 1})
        self._continue()

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name -> shape of the arrays that there are."""
        return {name: array.shape for name, array in self._arrays.items()}

    def _continue(self) -> None:
        """Take up what a run before this one has finished."""
        try:
            whole, _, _ = (self.partial / LOG).read_text().rpartition("\n")
            head, *lines = map(json.loads, whole.splitlines())
        except (OSError, ValueError):
            return
        if self.fingerprint is None or head["fingerprint"] != self.fingerprint:
            return
        import zarr

        # What Zarr was writing when it was killed.
        for stray in self.partial.rglob("*.partial"):
            stray.unlink()
        root = zarr.open_group(self.partial, mode="r+")
        self._arrays = {name: root[name] for name in head["arrays"]}
        self.units, self.done = head["units"], lines
        # A line that was cut off may not be joined by the next one.
        (self.partial / LOG).write_text("".join(f"{json.dumps(x)}\n" for x in (head, *lines)))

    def restart(self) -> None:
        """Forget what a run before this one has finished."""
        self.units, self.done, self._arrays = None, [], {}

    def create(self, specs: Sequence[Spec], fixed: Fixed, units: Units | None) -> None:
        """Make the arrays ``specs``, and write those of ``fixed``."""
        import zarr
        from zarr.codecs import BloscCodec

        shutil.rmtree(self.partial, ignore_errors=True)
        self.partial.parent.mkdir(parents=True, exist_ok=True)
        root = zarr.create_group(self.partial, zarr_format=3)
        for spec in [*specs, *(spec for spec, _ in fixed)]:
            # Activations hardly shrink, so the codec is a fast one.
            codec = BloscCodec(cname="lz4", clevel=1, shuffle="bitshuffle")
            self._arrays[spec.name] = root.create_array(
                spec.name, shape=spec.shape, dtype=spec.dtype, chunks=self._chunks(spec),
                dimension_names=spec.dims, compressors=codec, config={"write_empty_chunks": True},
            )  # fmt: skip
        for spec, values in fixed:
            self._arrays[spec.name][:] = values
        self.units = units
        head = {"fingerprint": self.fingerprint, "units": units, "arrays": list(self._arrays)}
        (self.partial / LOG).write_text(f"{json.dumps(head)}\n")

    def _chunks(self, spec: Spec) -> tuple[int, ...]:
        if len(spec.shape) < 2:
            return spec.shape
        rows = store.rows_per_chunk(spec.shape, np.dtype(spec.dtype).itemsize)
        size = min(self.batch_size, spec.shape[0])
        # Even parts of a batch, so that no chunk waits for the next one.
        parts = next(k for k in range(1, size + 1) if size % k == 0 and size // k <= rows)
        return (size // parts, *spec.shape[1:])

    def write(self, name: str, first: int, values: NDArray[Any]) -> None:
        """Write the entries from ``first`` on."""
        array = self._arrays[name]
        # Chunk by chunk, because Zarr holds copies of all chunks of one call.
        rows = array.chunks[0]
        for begin in range(0, len(values), rows):
            part = values[begin : begin + rows]
            array[first + begin : first + begin + len(part)] = part

    def batch_done(self, about: dict[str, Any]) -> None:
        """Note that a batch is whole."""
        self.done.append(about)
        with open(self.partial / LOG, "a") as log:
            log.write(f"{json.dumps(about)}\n")

    def close(self, attributes: Mapping[str, Mapping[str, Any]]) -> xr.DataTree:
        """Give the store its attributes and its name, and open it."""
        import zarr

        root = zarr.open_group(self.partial, mode="r+")
        for node, attrs in attributes.items():
            group = root if node == "/" else root[node.strip("/")]
            # JSON has no NaN.
            group.attrs.update({k: None if v != v else v for k, v in attrs.items()})
        (self.partial / LOG).unlink()
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.partial.replace(self.path)
        return read_tree(self.path)

    def discard(self) -> None:
        """Delete what was written."""
        shutil.rmtree(self.partial, ignore_errors=True)


Sink = Memory | Store


def read_tree(path: Path) -> xr.DataTree:
    """Open an activations store lazily.

    Raises
    ------
    StoreError
        When there is no whole store of activations.
    """
    store.check(path, "activations")
    refuse_lost(path)
    tree = _in_order(xr.open_datatree(path, engine="zarr", consolidated=False, chunks=None))
    for node in tree.subtree:
        if node.attrs.get("replay_error", 0) is None:
            node.attrs["replay_error"] = math.nan
    return tree


def _in_order(tree: xr.DataTree) -> xr.DataTree:
    """Return a tree with its layers in the order of the forward pass.

    Groups of a store are listed in any order that its file system has.
    """
    names = [name for layer in tree.attrs.get("layers", ()) for name in layer]
    names += sorted(set(tree.children) - set(names))
    nodes = {f"/{name}": tree.children[name].to_dataset(inherit=False) for name in names}
    return xr.DataTree.from_dict({"/": tree.to_dataset(), **nodes})


def write_tree(tree: xr.DataTree, path: Path) -> None:
    """Write what was recorded into memory, as a store that :func:`read_tree` opens."""
    arrays: dict[str, xr.Variable] = {
        f"{node.path.strip('/')}/{name}".lstrip("/"): variable
        for node in tree.subtree
        for name, variable in node.to_dataset(inherit=False).variables.items()
    }
    specs = [
        Spec(name, v.shape, tuple(map(str, v.dims)), str(v.dtype)) for name, v in arrays.items()
    ]
    sink = Store(path, path.with_name(path.name + ".partial"), None, tree.sizes["sequence"])
    sink.create(specs, [], None)
    for name, variable in arrays.items():
        sink.write(name, 0, variable.to_numpy())
    sink.close({node.path: {str(k): v for k, v in node.attrs.items()} for node in tree.subtree})
