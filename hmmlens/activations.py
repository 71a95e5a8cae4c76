"""Record what a network's layers hold at every step, in batches, and check it by replay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hmmlens import store
from hmmlens.errors import DataError

if TYPE_CHECKING:
    from hmmlens.networks.cells import RecurrentNetwork

#: Float32 states stepped one by one differ from a fused layer's by rounding alone.
REPLAY_TOLERANCE = 1e-4


#: Sequences that each split keeps, where it has as many, so that intervals can be given.
MIN_SEQUENCES = 8


def thin(
    split: NDArray[np.integer], length: NDArray[np.integer], max_frames: int
) -> NDArray[np.int64]:
    """Return the sequences to record: evenly spaced within each split, in their order.

    Parameters
    ----------
    split, length : (sequence)
    max_frames : steps in all, aimed at. Every split keeps its share, and at least
        ``MIN_SEQUENCES`` sequences where it has them; the largest split makes room.
    """
    share = min(1.0, max_frames / length.sum())
    members = [np.flatnonzero(split == part) for part in np.unique(split)]
    sizes = np.array([len(m) for m in members])
    kept = np.maximum((share * sizes + 1e-9).astype(int), np.minimum(MIN_SEQUENCES, sizes))
    surplus = kept.sum() - max(int(share * sizes.sum() + 1e-9), 1)
    largest = int(sizes.argmax())
    kept[largest] = max(kept[largest] - max(surplus, 0), min(MIN_SEQUENCES, sizes[largest]))
    chosen = [
        m[np.linspace(0, len(m) - 1, n).round().astype(int)]
        for m, n in zip(members, kept, strict=True)
    ]
    return np.sort(np.concatenate(chosen))


def run(
    network: RecurrentNetwork, inputs: NDArray[Any], batch_size: int
) -> Iterator[tuple[slice, dict[str, NDArray[np.float32]], float]]:
    """Run ``network`` over ``inputs`` in batches.

    Parameters
    ----------
    inputs : (sequence, time) symbols or (sequence, time, feature) values.

    Yields
    ------
    rows : the batch's slice of ``sequence``.
    arrays : ``output`` (sequence, time, output); ``layer0/hidden`` and, for LSTMs,
        ``layer0/cell`` (sequence, time, unit), and so on for each layer.
    replay_error : the largest difference between the hidden states of the layers' own forward
        pass and those of the same weights stepped one by one.

    Raises
    ------
    DataError
        When the replay differs by more than ``REPLAY_TOLERANCE``.
    """
    import torch

    device = next(network.parameters()).device
    for start in range(0, len(inputs), batch_size):
        rows = slice(start, min(start + batch_size, len(inputs)))
        batch = torch.from_numpy(np.ascontiguousarray(inputs[rows])).to(device)
        with torch.inference_mode():
            hidden = network.hidden(batch)
            output = network.out(hidden[-1])
            stepped = [network.start(len(batch))]
            for t in range(batch.shape[1]):
                stepped.append(network.step(stepped[-1], batch[:, t]))
        arrays = {"output": output.cpu().numpy()}
        worst = 0.0
        for index, fused in enumerate(hidden):
            replayed = torch.stack([state[index][0] for state in stepped[1:]], dim=1)
            gap = (fused - replayed).abs().amax(dim=(0, 2))
            largest = float(gap.max())
            # Written so that NaN is refused too.
            if not largest <= REPLAY_TOLERANCE:
                raise DataError(
                    f"the recorded states do not replay: layer {index}, step {int(gap.argmax())} "
                    f"differs by {largest:.2g}, above {REPLAY_TOLERANCE:g}"
                )
            worst = max(worst, largest)
            arrays[f"layer{index}/hidden"] = fused.cpu().numpy()
            if len(stepped[0][index]) == 2:
                cells = torch.stack([state[index][1] for state in stepped[1:]], dim=1)
                arrays[f"layer{index}/cell"] = cells.cpu().numpy()
        yield rows, arrays, worst


def record(
    network: RecurrentNetwork,
    inputs: NDArray[Any],
    path: Path,
    labels: Mapping[str, NDArray[Any]],
    made_by: Mapping[str, Any],
    batch_size: int,
) -> float:
    """Write ``input``, ``output`` and every layer's states to a Zarr store, batch by batch.

    Parameters
    ----------
    labels : arrays over ``sequence`` to travel along: ``sequence``, ``length``, ``split``.

    Returns
    -------
    replay_error : see :func:`run`; also an attribute of the store.
    """
    import zarr

    with store.replacing(path) as partial:
        root = zarr.create_group(partial, zarr_format=3)
        open_arrays: dict[str, Any] = {}
        last = {"input": ["feature"], "output": ["output"]}

        def create(name: str, shape: tuple[int, ...], dtype: Any) -> None:
            dims = ["sequence", "time", *last.get(name, ["unit"])][: len(shape)]
            chunks = (store.rows_per_chunk(shape, np.dtype(dtype).itemsize), *shape[1:])
            open_arrays[name] = root.create_array(
                name, shape=shape, dtype=dtype, chunks=chunks, dimension_names=dims
            )

        for name, values in {**labels, "input": inputs}.items():
            create(name, values.shape, values.dtype)
            open_arrays[name][:] = values
        error = 0.0
        for rows, arrays, worst in run(network, inputs, batch_size):
            for name, values in arrays.items():
                if name not in open_arrays:
                    create(name, (len(inputs), *values.shape[1:]), values.dtype)
                open_arrays[name][rows] = values
            error = max(error, worst)
        root.attrs.update(store.store_attributes("activations", made_by) | {"replay_error": error})
    return error


def read(path: Path, layer: str | None = None) -> xr.Dataset:
    """Open the store's root (input, output, labels), or one of its layers."""
    store.check(path, "activations")
    data: xr.Dataset = xr.open_zarr(path, group=layer, consolidated=False, chunks=None)
    return data


def layer_state(layer: xr.Dataset, which: str) -> NDArray[np.float64]:
    """Return the state (sequence, time, unit) of a layer.

    ``which`` says what an LSTM's state is: ``hidden``, ``cell``, or ``both`` side by side, each
    divided by its own standard deviation over all units so that neither drowns the other.
    """
    hidden = layer["hidden"].to_numpy().astype(np.float64)
    if "cell" not in layer or which == "hidden":
        return hidden
    cell = layer["cell"].to_numpy().astype(np.float64)
    if which == "cell":
        return cell
    return np.concatenate([part / max(part.std(), 1e-12) for part in (hidden, cell)], axis=2)


def extract(network: RecurrentNetwork, inputs: NDArray[Any], batch_size: int = 64) -> xr.DataTree:
    """Return what every layer of ``network`` holds at every step, in memory.

    Parameters
    ----------
    network : a :class:`hmmlens.networks.cells.RecurrentNetwork`.
    inputs : (sequence, time) symbols or (sequence, time, feature) values.

    Returns
    -------
    xr.DataTree
        ``output`` (sequence, time, output) at the root and one node per layer, ``layer0`` ...,
        with ``hidden`` and, for LSTMs, ``cell`` (sequence, time, unit). The root's attribute
        ``replay_error`` is described in :func:`run`.
    """
    parts: dict[str, list[NDArray[np.float32]]] = {}
    error = 0.0
    for _, arrays, worst in run(network, inputs, batch_size):
        error = max(error, worst)
        for name, values in arrays.items():
            parts.setdefault(name, []).append(values)
    nodes: dict[str, xr.Dataset] = {"/": xr.Dataset(attrs={"replay_error": error})}
    for name, batches in parts.items():
        node, _, variable = name.rpartition("/")
        last = "output" if variable == "output" else "unit"
        data = xr.DataArray(np.concatenate(batches), dims=("sequence", "time", last))
        key = f"/{node}"
        nodes[key] = nodes.get(key, xr.Dataset()).assign({variable: data})
    return xr.DataTree.from_dict(nodes)
