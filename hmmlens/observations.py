"""Checks of the data that users pass, in the two layouts that the library works in.

*flat*: sequences one after another, (frame, component) or (frame), as in hmmlearn.
*padded*: (sequence, time, component) or (sequence, time); what stands past an end is not used.

A frame that a mask excludes is marked: its values are NaN, its symbol is :data:`HIDDEN`. It has
density 1 in every state, and the chain moves on through it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.arguments import argument_name, integers
from hmmlens.arrays import LARGEST, unusable
from hmmlens.errors import DataError
from hmmlens.ragged import Given, given, steps_inside

#: Stands for a symbol that was not observed.
HIDDEN = -1


class Sequences(NamedTuple):
    """Checked data.

    Attributes
    ----------
    frames : ndarray of shape (frame, component), or (frame,) of symbols
        Sequences one after another; NaN or :data:`HIDDEN` where a mask excludes a frame.
    lengths : ndarray of int of shape (sequence,)
        Steps of each sequence.
    inside : ndarray of bool of shape (sequence, time) or None
        True before each sequence's end; None when the data were flat.
    """

    frames: NDArray[Any]
    lengths: NDArray[np.intp]
    inside: NDArray[np.bool_] | None

    @property
    def observed(self) -> NDArray[Any]:
        """Frames that no mask excludes.

        Returns
        -------
        ndarray of shape (frame, component), or (frame,) of symbols
            Sequences one after another.
        """
        seen = ~hidden(self.frames)
        return self.frames if seen.all() else self.frames[seen]

    def like_input(self, flat: NDArray[Any], fill: float) -> NDArray[Any]:
        """Return an array over frames in the layout of the data.

        Parameters
        ----------
        flat : ndarray of shape (frame, ...)
            Sequences one after another.
        fill : float
            What stands past a sequence's end.

        Returns
        -------
        ndarray of shape (sequence, time, ...) or (frame, ...)
            The same numbers.
        """
        if self.inside is None:
            return flat
        out = np.full((*self.inside.shape, *flat.shape[1:]), fill, dtype=flat.dtype)
        out[self.inside] = flat
        return out

    def padded(self, flat: NDArray[Any], fill: float) -> NDArray[Any]:
        """Return an array over frames in the padded layout.

        Parameters
        ----------
        flat : ndarray of shape (frame, ...)
            Sequences one after another.
        fill : float
            What stands past a sequence's end.

        Returns
        -------
        ndarray of shape (sequence, time, ...)
            The same numbers.
        """
        inside = np.arange(self.lengths.max())[None] < self.lengths[:, None]
        if self.inside is not None and self.inside.shape[1] > inside.shape[1]:
            inside = self.inside
        out = np.full((*inside.shape, *flat.shape[1:]), fill, dtype=flat.dtype)
        out[inside] = flat
        return out


def hidden(frames: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which checked frames a mask excludes.

    Parameters
    ----------
    frames : ndarray of shape (frame, component), or (frame,) of symbols
        Of :class:`Sequences`.

    Returns
    -------
    ndarray of bool of shape (frame,)
        True where a frame was not observed.
    """
    return np.asarray(frames == HIDDEN if frames.ndim == 1 else np.isnan(frames[:, 0]))


def values(
    X: Any,
    lengths: Any,
    n_features: int | None = None,
    name: str = "X",
    mask: Any = None,
    last: str = "component",
) -> Sequences:
    """Check real values.

    Parameters
    ----------
    X : array_like of shape (sequence, time, component), or (frame, component) as in hmmlearn
        Or a list of sequences (time, component). See :func:`hmmlens.ragged.given`.
    lengths : array_like of int of shape (sequence,), optional
        None where all are whole, where one sequence is flat, or where the data carry them.
    n_features : int, optional
        Components that a model knows; None allows any number.
    name : str, default="X"
        Name of the data in messages.
    mask : array_like of bool of shape (sequence, time), or (frame,) for flat data, optional
        False where a frame is not observed, whatever it holds. Its entries past a sequence's end
        are not used. Frames that a masked array masks are not observed either.
    last : str, default="component"
        Name of the last dimension in messages.

    Returns
    -------
    Sequences
        Checked data.

    Raises
    ------
    DataError
        With what was found, where, and what to do.
    """
    found = given(X, lengths, name, argument_name(name, "lengths"))
    data = _some(found.values, name)
    if data.ndim not in (2, 3) or (n_features is not None and data.shape[-1] != n_features):
        wanted = f"(sequence, time, {last if n_features is None else n_features})"
        raise DataError(f"{name} has shape {data.shape}; {wanted} is needed")
    if data.ndim == 2 and _has_steps_last(X):
        raise DataError(
            f"{name} has the dimensions sequence and time only; values need one more, such as "
            f"X.expand_dims({last!r}, axis=-1)"
        )
    flat = _laid_out(found, data, 3, name)
    frames = flat.frames.astype(np.float64, copy=False)
    seen = _seen(mask, flat, name)
    if found.missing is not None:
        seen &= _whole_frames(found.missing, seen, flat, name)
    bad = seen & unusable(frames)
    if bad.any():
        frame = int(np.flatnonzero(bad)[0])
        component = int(np.flatnonzero(~(np.abs(frames[frame]) <= LARGEST))[0])
        raise DataError(_not_usable(frames, frame, component, flat, name, last))
    if not seen.all():
        frames = np.where(seen[:, None], frames, np.nan)
    return flat._replace(frames=frames)


def _not_usable(
    frames: NDArray[np.float64],
    frame: int,
    component: int,
    flat: Sequences,
    name: str,
    last: str,
) -> str:
    """Return what is wrong with a value that is not finite, or too large."""
    sequence, step = _place(flat, frame)
    index = (frame, component) if flat.inside is None else (sequence, step, component)
    where = f"(sequence {sequence}, step {step}, {last} {component})"
    value = frames[frame, component]
    if np.isfinite(value):
        return (
            f"{name} holds {value:.3g} at {index}; rescale it, for squares of values above "
            f"{LARGEST:.0g} overflow {where}"
        )
    end = frame - step + int(flat.lengths[sequence])
    remedy = "remove or fill it"
    if flat.inside is not None and np.isnan(frames[frame:end]).all():
        remedy = "that sequence holds nothing else from there on, so give its length if that is "
        remedy += "padding, or remove it"
    return f"{name} holds a value that is not finite at {index}; {remedy} {where}"


def symbols(
    X: Any,
    lengths: Any,
    n_symbols: int | None = None,
    name: str = "X",
    mask: Any = None,
) -> Sequences:
    """Check symbols.

    Parameters
    ----------
    X : array_like of int of shape (sequence, time), or (frame, 1) as in hmmlearn
        One column with one length of 1 for each row is taken as sequences of one step.
    lengths : array_like of int of shape (sequence,), optional
        See :func:`values`.
    n_symbols : int, optional
        Symbols that a model knows; None allows any number.
    name : str, default="X"
        Name of the data in messages.
    mask : array_like of bool, optional
        See :func:`values`.

    Returns
    -------
    Sequences
        Checked data.

    Raises
    ------
    DataError
        With what was found, where, and what to do.
    """
    found = given(X, lengths, name, argument_name(name, "lengths"))
    data = _some(found.values, name)
    if data.ndim != 2 or data.dtype.kind not in "biu":
        raise DataError(
            f"{name} must hold whole numbers, one symbol each, as (sequence, time), found "
            f"{data.dtype} of shape {data.shape}; convert it, or use a GaussianHMM for values"
        )
    data = integers(data)
    single = found.lengths is not None and found.lengths.shape == (len(data),)
    column = data.shape[1] == 1 and not single
    flat = _laid_out(found, data, 1 if column else 2, name)
    frames = flat.frames.reshape(-1)
    top = np.inf if n_symbols is None else n_symbols - 1
    seen = _seen(mask, flat, name)
    if found.missing is not None:
        seen &= _whole_frames(found.missing, seen, flat, name)
    bad = np.flatnonzero(seen & ((frames < 0) | (frames > top)))
    if len(bad):
        sequence, step = _place(flat, int(bad[0]))
        limit = "below 0" if n_symbols is None else f"outside 0 to {n_symbols - 1}"
        remedy = "number the symbols from 0"
        if frames[bad[0]] >= 0:
            remedy += ", or fit with a larger number of symbols"
        raise DataError(
            f"{name} holds a symbol {limit}: {frames[bad[0]]} at sequence {sequence}, step {step}; "
            + remedy
        )
    return flat._replace(frames=np.where(seen, frames, HIDDEN))


def _some(data: NDArray[Any], name: str) -> NDArray[Any]:
    """Return data that are not empty."""
    if data.size == 0:
        raise DataError(f"{name} is empty (shape {data.shape}); give at least one frame")
    return data


def _has_steps_last(X: Any) -> bool:
    """Return whether a DataArray has the dimensions of steps and none of components."""
    return set(getattr(X, "dims", ())) in ({"sequence", "time"}, {"sequence", "step"})


def _laid_out(found: Given, data: NDArray[Any], padded_ndim: int, name: str) -> Sequences:
    word, lengths = argument_name(name, "lengths"), found.lengths
    if data.ndim == padded_ndim:
        inside = steps_inside(lengths, data.shape[0], data.shape[1], word)
        return Sequences(data[inside], inside.sum(axis=1), inside)
    if lengths is None:
        return Sequences(data, np.array([len(data)]), None)
    if (lengths < 1).any():
        where = int(np.flatnonzero(lengths < 1)[0])
        raise DataError(f"{word}[{where}] is {lengths[where]}; drop sequences without a step")
    # As Python's numbers, for the sum of absurd ones would overflow.
    total = sum(lengths.tolist())
    if total != len(data):
        raise DataError(
            f"{word} add up to {total}, but {name} has {len(data)} frames; "
            "give one length for each sequence"
        )
    return Sequences(data, lengths.astype(np.intp), None)


def _seen(mask: Any, flat: Sequences, name: str) -> NDArray[np.bool_]:
    """Return which frames (frame) are observed.

    A sequence without any is refused: it carries no information, and most likely the mask is
    inverted.
    """
    if mask is None:
        return np.ones(len(flat.frames), dtype=bool)
    word = argument_name(name, "mask")
    marks = _some(given(mask, None, word).values, word)
    wanted = (len(flat.frames),) if flat.inside is None else flat.inside.shape
    if marks.dtype != bool or marks.shape != wanted:
        raise DataError(
            f"{word} holds {marks.dtype} of shape {marks.shape}; give bool of shape {wanted}, "
            "True where a frame is observed"
        )
    seen = marks.copy() if flat.inside is None else marks[flat.inside]
    _none_without(seen, flat, word)
    return seen


def _none_without(seen: NDArray[np.bool_], flat: Sequences, word: str) -> None:
    """Raise :class:`DataError` where no frame of a sequence is observed."""
    counts = np.add.reduceat(seen, np.cumsum(flat.lengths) - flat.lengths, dtype=np.intp)
    empty = np.flatnonzero(counts == 0)
    if len(empty):
        where = "all sequences" if len(empty) == len(counts) > 1 else f"sequence {empty[0]}"
        raise DataError(
            f"{word} excludes every frame of {where}; set it True where a frame is observed, or "
            "drop what has none"
        )


def _whole_frames(
    missing: NDArray[np.bool_], seen: NDArray[np.bool_], flat: Sequences, name: str
) -> NDArray[np.bool_]:
    """Return which frames (frame) a masked array does not mask; they are masked as a whole."""
    gone = (missing if flat.inside is None else missing[flat.inside]).reshape(len(flat.frames), -1)
    part = np.flatnonzero(seen & gone.any(axis=1) & ~gone.all(axis=1))
    if len(part):
        sequence, step = _place(flat, int(part[0]))
        raise DataError(
            f"{name} masks some components of a frame and not the others (sequence {sequence}, "
            f"step {step}); a frame is observed as a whole, so mask all of it or fill it"
        )
    whole: NDArray[np.bool_] = ~np.asarray(gone.all(axis=1))
    _none_without(seen & whole, flat, f"the mask of {name}")
    return whole


def _place(given: Sequences, frame: int) -> tuple[int, int]:
    """Return sequence and step of a row of the flat array."""
    starts = np.cumsum(given.lengths) - given.lengths
    sequence = int(np.searchsorted(starts, frame, side="right")) - 1
    return sequence, int(frame - starts[sequence])
