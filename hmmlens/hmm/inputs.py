"""What users give as data, in the two layouts that the library works in.

*flat*: sequences one after another, (frame, component) or (frame), as in hmmlearn.
*padded*: (sequence, time, component) or (sequence, time), with what fills the rest not looked at.

A frame that a mask leaves out is marked once the data are checked: its values are NaN, its symbol
is :data:`HIDDEN`. It has density 1 in every state and adds nothing to statistics of emissions,
while the chain moves on through it.
"""

from __future__ import annotations

import logging
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hmmlens.errors import DataError

log = logging.getLogger(__name__)

DIMS = ("sequence", "time", "component")

#: Stands for a symbol that was not observed.
HIDDEN = -1


class Sequences(NamedTuple):
    """Checked data.

    frames : (frame, component) values or (frame) symbols, sequences one after another; NaN or
        :data:`HIDDEN` where a mask leaves them out
    lengths : (sequence)
    inside : (sequence, time), True before each sequence's end; None when they came flat
    """

    frames: NDArray[Any]
    lengths: NDArray[np.intp]
    inside: NDArray[np.bool_] | None

    @property
    def observed(self) -> NDArray[Any]:
        """Return the frames that no mask leaves out."""
        seen = ~hidden(self.frames)
        return self.frames if seen.all() else self.frames[seen]

    def like_input(self, flat: NDArray[Any], fill: float) -> NDArray[Any]:
        """Return an array over frames in the layout of the data; ``fill`` past the end."""
        if self.inside is None:
            return flat
        out = np.full((*self.inside.shape, *flat.shape[1:]), fill, dtype=flat.dtype)
        out[self.inside] = flat
        return out

    def padded(self, flat: NDArray[Any], fill: float) -> NDArray[Any]:
        """Return an array over frames as (sequence, time, ...)."""
        inside = np.arange(self.lengths.max())[None] < self.lengths[:, None]
        if self.inside is not None and self.inside.shape[1] > inside.shape[1]:
            inside = self.inside
        out = np.full((*inside.shape, *flat.shape[1:]), fill, dtype=flat.dtype)
        out[inside] = flat
        return out


def hidden(frames: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which checked frames (frame) a mask leaves out."""
    return np.asarray(frames == HIDDEN if frames.ndim == 1 else np.isnan(frames[:, 0]))


def values(
    X: ArrayLike,
    lengths: ArrayLike | None,
    n_features: int | None = None,
    name: str = "X",
    mask: ArrayLike | None = None,
) -> Sequences:
    """Check real values.

    Parameters
    ----------
    X : (sequence, time, component), or (frame, component) as in hmmlearn.
    lengths : (sequence); None where all are whole, or where one sequence came flat.
    n_features : components that a model knows; None takes any number.
    mask : (sequence, time), or (frame) for flat data; False where a frame is not observed,
        whatever it holds. What it says past a sequence's end is not looked at.

    Raises
    ------
    DataError
        With what was found, where, and what to do.
    """
    data = _array(X, DIMS, name)
    wanted = f"(sequence, time, {'component' if n_features is None else n_features})"
    if data.ndim not in (2, 3) or (n_features is not None and data.shape[-1] != n_features):
        raise DataError(f"{name} has shape {data.shape}; {wanted} is needed")
    if not (np.issubdtype(data.dtype, np.number) or data.dtype == bool) or np.iscomplexobj(data):
        raise DataError(f"{name} holds {data.dtype} instead of real numbers; convert it")
    given = _given(data, lengths, 3, name)
    frames = given.frames.astype(np.float64, copy=False)
    seen = _seen(mask, given, name)
    bad = seen & ~np.isfinite(frames).all(axis=1)
    if bad.any():
        frame = int(np.flatnonzero(bad)[0])
        component = int(np.flatnonzero(~np.isfinite(frames[frame]))[0])
        sequence, step = _place(given, frame)
        index = (frame, component) if given.inside is None else (sequence, step, component)
        raise DataError(
            f"{name} holds a value that is not finite at {index}; remove or fill it "
            f"(sequence {sequence}, step {step}, component {component})"
        )
    if not seen.all():
        frames = np.where(seen[:, None], frames, np.nan)
    return given._replace(frames=frames)


def symbols(
    X: ArrayLike,
    lengths: ArrayLike | None,
    n_symbols: int | None = None,
    name: str = "X",
    mask: ArrayLike | None = None,
) -> Sequences:
    """Check symbols.

    Parameters
    ----------
    X : (sequence, time), or (frame, 1) as in hmmlearn. One column with one length of 1 for each
        row is taken as sequences of one step.
    lengths : (sequence)
    n_symbols : symbols that a model knows; None takes any number.
    mask : see :func:`values`.
    """
    data = _array(X, DIMS[:2], name)
    if data.ndim != 2 or not np.issubdtype(data.dtype, np.integer):
        raise DataError(
            f"{name} must hold whole numbers, one symbol each, as (sequence, time), found "
            f"{data.dtype} of shape {data.shape}; convert it, or use a GaussianHMM for values"
        )
    single = lengths is not None and np.shape(lengths) == (len(data),)
    flat = data.shape[1] == 1 and not single
    given = _given(data, lengths, 1 if flat else 2, name)
    frames = given.frames.reshape(-1).astype(np.int64)
    top = np.inf if n_symbols is None else n_symbols - 1
    seen = _seen(mask, given, name)
    bad = np.flatnonzero(seen & ((frames < 0) | (frames > top)))
    if len(bad):
        sequence, step = _place(given, int(bad[0]))
        limit = "below 0" if n_symbols is None else f"outside 0 to {n_symbols - 1}"
        remedy = "number the symbols from 0"
        if frames[bad[0]] >= 0:
            remedy += ", or fit with a larger number of symbols"
        raise DataError(
            f"{name} holds a symbol {limit}: {frames[bad[0]]} at sequence {sequence}, step {step}; "
            + remedy
        )
    return given._replace(frames=np.where(seen, frames, HIDDEN))


def _array(X: ArrayLike, dims: tuple[str, ...], name: str) -> NDArray[Any]:
    """Return an array that holds something, with a DataArray's dimensions in our order."""
    names = getattr(X, "dims", None)
    if names is not None and hasattr(X, "transpose") and set(names) <= set(dims):
        X = X.transpose(*[name for name in dims if name in names])
    try:
        data = np.asarray(X)
    except ValueError as error:
        raise DataError(
            f"{name} holds sequences of several lengths; put them one after another or pad them, "
            "and give lengths"
        ) from error
    if data.size == 0:
        raise DataError(f"{name} is empty (shape {data.shape}); give at least one frame")
    return data


def _given(data: NDArray[Any], lengths: ArrayLike | None, padded_ndim: int, name: str) -> Sequences:
    word = beside(name, "lengths")
    if data.ndim == padded_ndim:
        inside = steps_inside(lengths, data.shape[0], data.shape[1], word)
        return Sequences(data[inside], inside.sum(axis=1), inside)
    if lengths is None:
        return Sequences(data, np.array([len(data)]), None)
    ends = _ends(lengths, word)
    if (ends < 1).any():
        where = int(np.flatnonzero(ends < 1)[0])
        raise DataError(f"{word}[{where}] is {ends[where]}; drop sequences without a step")
    if ends.sum() != len(data):
        raise DataError(
            f"{word} add up to {ends.sum()}, but {name} has {len(data)} frames; "
            "give one length for each sequence"
        )
    return Sequences(data, ends.astype(np.intp), None)


def _seen(mask: ArrayLike | None, given: Sequences, name: str) -> NDArray[np.bool_]:
    """Return which frames (frame) are observed.

    A sequence without any is refused: it says nothing, and most likely the mask is upside down.
    """
    if mask is None:
        return np.ones(len(given.frames), dtype=bool)
    word = beside(name, "mask")
    marks = _array(mask, DIMS[:2], word)
    wanted = (len(given.frames),) if given.inside is None else given.inside.shape
    if marks.dtype != bool or marks.shape != wanted:
        raise DataError(
            f"{word} holds {marks.dtype} of shape {marks.shape}; give bool of shape {wanted}, "
            "True where a frame is observed"
        )
    seen = marks if given.inside is None else marks[given.inside]
    counts = np.add.reduceat(seen, np.cumsum(given.lengths) - given.lengths, dtype=np.intp)
    empty = np.flatnonzero(counts == 0)
    if len(empty):
        where = "all sequences" if len(empty) == len(counts) > 1 else f"sequence {empty[0]}"
        raise DataError(
            f"{word} excludes every frame of {where}; set it True where a frame is observed, or "
            "drop what has none"
        )
    return seen


def beside(name: str, what: str) -> str:
    """Return the name of the argument that says more of the data called ``name``."""
    return what if name == "X" else f"{name}_{what}"


def _place(given: Sequences, frame: int) -> tuple[int, int]:
    """Return sequence and step of a row of the flat array."""
    starts = np.cumsum(given.lengths) - given.lengths
    sequence = int(np.searchsorted(starts, frame, side="right")) - 1
    return sequence, int(frame - starts[sequence])


def steps_inside(
    lengths: ArrayLike | None, n_sequences: int, n_steps: int, name: str = "lengths"
) -> NDArray[np.bool_]:
    """Return a mask (sequence, time), True before each sequence's end.

    Raises
    ------
    DataError
        When a length is below 1, above ``n_steps`` or not a whole number.
    """
    if lengths is None:
        return np.ones((n_sequences, n_steps), dtype=bool)
    ends = _ends(lengths, name)
    if ends.shape != (n_sequences,):
        raise DataError(
            f"{name} has shape {ends.shape}; ({n_sequences},) is needed, one for each sequence"
        )
    bad = np.flatnonzero((ends < 1) | (ends > n_steps))
    if len(bad):
        raise DataError(
            f"{name}[{bad[0]}] is {ends[bad[0]]}; each must lie between 1 and {n_steps}, "
            "so drop sequences without a step or give more steps"
        )
    mask: NDArray[np.bool_] = np.arange(n_steps)[None] < ends[:, None]
    return mask


def check_count(value: object, name: str) -> None:
    """Raise :class:`DataError` unless ``value`` is a whole number of 1 or more."""
    if type(value) is bool or not isinstance(value, Integral) or value < 1:
        raise DataError(f"{name} must be a whole number of 1 or more, found {value!r}")


def _ends(lengths: ArrayLike, name: str) -> NDArray[np.integer]:
    try:
        ends = np.asarray(lengths)
    except ValueError as error:
        raise DataError(f"{name} must be whole numbers (sequence), one each") from error
    if ends.ndim != 1 or not np.issubdtype(ends.dtype, np.integer):
        raise DataError(
            f"{name} must be whole numbers (sequence), found {ends.dtype} of shape {ends.shape}; "
            "give one length for each sequence"
        )
    return ends


def tell_constant_columns(covariance: NDArray[np.float64]) -> list[int]:
    """Log which components never move, or barely, and return the former.

    The first have a standard deviation below 1e-9 of the root mean square over components, the
    second below 1e-3. Neither can tell states apart, and each adds the logarithm of its tiny
    width to every frame's likelihood.
    """
    spread = np.sqrt(np.maximum(np.diagonal(covariance), 0))
    size = np.sqrt((spread**2).mean()) if len(spread) else 0.0
    dead = spread <= 1e-9 * size
    faint = ~dead & (spread < 1e-3 * size)
    for which, word in ((dead, "never move"), (faint, "barely move")):
        if which.any():
            names = ", ".join(map(str, np.flatnonzero(which)))
            log.warning("components that %s: %s; drop them, or rely on the floor", word, names)
    return np.flatnonzero(dead).tolist()
