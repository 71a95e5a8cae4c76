"""What users pass as arrays, lengths and labels, as NumPy arrays with one meaning.

Every public function sends its arguments through this module, so that the same kinds of input work
everywhere: NumPy arrays of any layout, byte order and real type, masked arrays, tensors of torch on
any device, xarray's DataArrays with their dimensions in any order, pandas columns, and lists of
sequences that differ in length. Tensors are recognised by their methods, so torch is not imported.
"""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmmlens.errors import DataError
from hmmlens.io.encoded import refuse_encoded

#: Values above this size are refused: sums of their squares would overflow.
LARGEST = 1e100

#: Names of the dimension of steps; a recorded layer with steps of its own has the second one.
STEPS = ("time", "step")


def numbers(X: Any, name: str) -> NDArray[Any]:
    """Return real numbers in the machine's byte order.

    Parameters
    ----------
    X : array_like
        An array, a tensor or nested lists.
    name : str
        Name of the argument in messages.

    Returns
    -------
    ndarray
        Booleans, integers or floats.

    Raises
    ------
    DataError
        When ``X`` holds anything but real numbers, or entries that are masked.
    """
    array, missing = _dense(X, name)
    if missing is not None:
        raise DataError(
            f"{name} is masked at {_index(missing)}; every step is needed here, so fill what is "
            "masked, or give lengths where it is padding"
        )
    return real(array, name)


def real(array: NDArray[Any], name: str) -> NDArray[Any]:
    """Return an array of booleans, integers or floats.

    Parameters
    ----------
    array : ndarray
        Of any type.
    name : str
        Name of the argument in messages.

    Returns
    -------
    ndarray
        In the machine's byte order.

    Raises
    ------
    DataError
        When an entry is not a real number.
    """
    if array.dtype.kind == "O":
        array = _unboxed(array, name)
    if array.dtype.name == "bfloat16":
        array = array.astype(np.float32)
    if array.dtype.kind == "c":
        raise DataError(
            f"{name} must be real numbers, found complex numbers ({array.dtype}); give the real "
            "and the imaginary part as two components, or their absolute value"
        )
    if array.dtype.kind not in "biuf":
        raise DataError(f"{name} must be real numbers, found {array.dtype}; convert it")
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        array = array.astype(np.float64)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    return array


def text_or_real(array: NDArray[Any], name: str) -> NDArray[Any]:
    """Return words without the blanks around them, or real numbers.

    Parameters
    ----------
    array : ndarray
        Of any type.
    name : str
        Name of the argument in messages.

    Returns
    -------
    ndarray
        Of text, or see :func:`real`.
    """
    if array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8", "replace")
    if array.dtype.kind == "O" and any(isinstance(part, str) for part in array.flat):
        words = ["" if _is_missing(part) else str(part) for part in array.flat]
        array = np.array(words).reshape(array.shape)
    return np.char.strip(array) if array.dtype.kind in "UT" else real(array, name)


def unusable(frames: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which frames are not finite or above :data:`LARGEST`.

    Parameters
    ----------
    frames : ndarray of shape (frame, component)
        Values.

    Returns
    -------
    ndarray of bool of shape (frame,)
        True where a frame cannot be used.
    """
    if not frames.size or (frames.min() >= -LARGEST and frames.max() <= LARGEST):
        return np.zeros(len(frames), dtype=bool)
    return ~np.asarray((np.abs(frames) <= LARGEST).all(axis=1))


# --- Kinds of containers ----------------------------------------------------------------------


def is_labelled(X: Any) -> bool:
    """Return whether ``X`` is an xarray DataArray.

    Parameters
    ----------
    X : object
        Anything.

    Returns
    -------
    bool
        Judged by its attributes, so that xarray is not imported.
    """
    return hasattr(X, "dims") and hasattr(X, "coords") and hasattr(X, "transpose") and (
        hasattr(X, "dtype")
    )  # fmt: skip


def is_tensor(X: Any) -> bool:
    """Return whether ``X`` is a tensor of torch.

    Parameters
    ----------
    X : object
        Anything.

    Returns
    -------
    bool
        Judged by its methods, so that torch is not imported.
    """
    return all(hasattr(X, name) for name in ("detach", "cpu", "numpy"))


def refuse_containers(X: Any, name: str) -> None:
    """Refuse what holds arrays, or yields them one by one, but is none.

    Parameters
    ----------
    X : object
        Anything.
    name : str
        Name of the argument in messages.

    Raises
    ------
    DataError
        With what to give instead.
    """
    kind = type(X).__name__
    if hasattr(X, "data_vars") or (hasattr(X, "children") and hasattr(X, "subtree")):
        raise DataError(f"{name} is a {kind} of several arrays; give one of them, such as "
                        "acts['rnn']['hidden']")  # fmt: skip
    if isinstance(X, str | bytes | dict | set | frozenset) or X is None:
        raise DataError(f"{name} is {'None' if X is None else f'a {kind}'}; give an array or a "
                        "list of sequences")  # fmt: skip
    sized = hasattr(X, "shape") or hasattr(X, "__array__") or isinstance(X, list | tuple | range)
    if not sized and (isinstance(X, Iterable) or hasattr(X, "__getitem__")):
        raise DataError(
            f"{name} is a {kind}, which gives its data piece by piece; join them into one array or "
            "a list of sequences, such as torch.cat(list(loader))"
        )
    refuse_encoded(X, name)


def as_list(X: Any) -> list[Any] | None:
    """Return the sequences of a list of arrays, or of lists of different lengths.

    Parameters
    ----------
    X : object
        Anything.

    Returns
    -------
    list or None
        None when ``X`` is one array, or nested lists of one.
    """
    if isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1 and len(X):
        X = list(X) if all(np.ndim(part) or is_tensor(part) for part in X) else X
    if not isinstance(X, list | tuple) or not X:
        return None
    if any(len(getattr(part, "shape", ())) for part in X):
        return list(X)
    if not all(isinstance(part, list | tuple) for part in X):
        return None
    try:
        whole = np.asarray(X).dtype != object
    except (ValueError, TypeError, RuntimeError):
        whole = False
    return None if whole else list(X)


def ordered(X: Any, name: str) -> Any:
    """Return a DataArray with its dimensions in the order sequence, time, the rest.

    Flat data may have the dimension ``frame``, or ``time`` alone. Dimensions without names, which
    xarray calls dim_0, dim_1, ..., are taken in their order.

    Parameters
    ----------
    X : DataArray
        In any order.
    name : str
        Name of the argument in messages.

    Returns
    -------
    DataArray
        In our order.

    Raises
    ------
    DataError
        When no dimension is known by its name.
    """
    dims = [str(dim) for dim in X.dims]
    if all(dim == f"dim_{i}" for i, dim in enumerate(dims)):
        return X
    time = next((dim for dim in STEPS if dim in dims), None)
    if "sequence" in dims:
        first = ["sequence"] if time is None else ["sequence", time]
    else:
        first = ["frame"] if "frame" in dims else [time] if time else []
    if not first or (first == ["sequence"] and len(dims) > 1):
        raise DataError(
            f"{name} has the dimensions {', '.join(dims)}; name them sequence and time (the last "
            "one may have any name), as by X.rename(trial='sequence'), or give X.values in that "
            "order"
        )
    return X.transpose(*first, *[dim for dim in dims if dim not in first])


# --- Dense arrays -----------------------------------------------------------------------------


def _dense(X: Any, name: str) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Return an array of anything, and which entries of it are masked, if any."""
    refuse_containers(X, name)
    if is_labelled(X):
        X = X.data
    if is_tensor(X):
        return _of_tensor(X, name), None
    try:
        if isinstance(X, np.ma.MaskedArray):
            mask = np.ma.getmaskarray(X)
            return np.asarray(X.data), mask if mask.any() else None
        array = np.asarray(X)
    except (ValueError, TypeError, RuntimeError) as error:
        what = str(error).strip().partition("\n")[0]
        raise DataError(f"{name} ({type(X).__name__}) is no array: {what}") from error
    if array.dtype == object and array.ndim == 0:
        raise DataError(f"{name} is a {type(X).__name__}; give an array or a list of sequences")
    return array, None


def _of_tensor(tensor: Any, name: str) -> NDArray[Any]:
    tensor = tensor.detach()
    if getattr(tensor, "is_meta", False):
        raise DataError(f"{name} is a tensor on the meta device, which holds no numbers")
    try:
        if getattr(tensor, "is_sparse", False):
            tensor = tensor.to_dense()
        if getattr(tensor, "is_quantized", False):
            tensor = tensor.dequantize()
        tensor = tensor.cpu()
        for name_of in ("resolve_conj", "resolve_neg"):
            tensor = getattr(tensor, name_of, lambda same=tensor: same)()
        # NumPy has no bfloat16, nor the types of 8 bits.
        if str(tensor.dtype).startswith(("torch.bfloat16", "torch.float8")):
            tensor = tensor.float()
        array: NDArray[Any] = tensor.numpy()
    except (RuntimeError, TypeError, ValueError, NotImplementedError) as error:
        what = str(error).strip().partition("\n")[0]
        raise DataError(f"{name} is a tensor that cannot be read as an array: {what}") from error
    return array


def _is_missing(part: Any) -> bool:
    """Return whether an object marks a missing value: None, NaN, or NA and NaT of pandas."""
    return part is None or type(part).__name__ in ("NAType", "NaTType") or part != part


def _unboxed(array: NDArray[Any], name: str) -> NDArray[Any]:
    """Return an array of Python's numbers as one of a type of NumPy's; None is not a number."""
    flat = array.ravel().tolist()
    missing = [part is None or type(part).__name__ == "NAType" for part in flat]  # NaN is a number
    kinds = {type(part) for part, none in zip(flat, missing, strict=True) if not none}
    if not all(issubclass(kind, Real) or issubclass(kind, np.bool_) for kind in kinds):
        where = next(i for i, part in enumerate(flat)
                     if not (missing[i] or isinstance(part, Real | np.bool_)))  # fmt: skip
        index = tuple(int(i) for i in np.unravel_index(where, array.shape))
        raise DataError(
            f"{name} must be real numbers, found an object of type {type(flat[where]).__name__} at "
            f"{index}; convert it"
        )
    whole = kinds and all(issubclass(kind, Integral) for kind in kinds) and not any(missing)
    numbers = [np.nan if none else part for part, none in zip(flat, missing, strict=True)]
    try:
        return np.array(numbers, dtype=np.int64 if whole else np.float64).reshape(array.shape)
    except OverflowError as error:
        raise DataError(f"{name} holds a number that is too large: {error}") from error


def _index(flags: NDArray[np.bool_]) -> tuple[int, ...]:
    """Return the index of the first entry that is True."""
    return tuple(int(i) for i in np.argwhere(flags)[0])
