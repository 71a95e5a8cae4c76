"""Names, shapes and types of the arrays of a recording, before they are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from numpy.typing import NDArray


class Spec(NamedTuple):
    """One array.

    Attributes
    ----------
    name : str
        ``variable``, or ``node/variable``.
    shape : tuple of int
        Shape of the whole array.
    dims : tuple of str
        Its dimensions.
    dtype : str
        Its type.
    """

    name: str
    shape: tuple[int, ...]
    dims: tuple[str, ...]
    dtype: str


Units = Mapping[str, Sequence[int]]
Fixed = Sequence[tuple[Spec, NDArray[Any]]]
