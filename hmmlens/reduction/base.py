"""The registry of reducers and what every reducer's settings class and algorithm offer.

A reducer is one module: a settings class that :data:`REDUCERS` registers under its ``kind``, with a
method ``build`` that returns the algorithm. Reading a config imports these modules, so they import
NumPy and other packages only within functions.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from hmmlens.registry import Registry
from hmmlens.settings import Section

if TYPE_CHECKING:
    from hmmlens.typing import Floats

    #: Returns the same arrays (frame, unit) anew at every call.
    Chunks = Callable[[], Iterator[Floats]]


class Algorithm(Protocol):
    """What a reducer's algorithm must offer.

    One that also has ``fit_chunks``, which takes a callable that returns the arrays anew, never
    holds all frames at once, so that a layer may be larger than the memory. One whose settings are
    ``invertible`` has ``inverse_transform``.
    """

    def fit(self, frames: Floats) -> Any:
        """Learn from frames.

        Parameters
        ----------
        frames : ndarray of shape (frame, unit)
            States of units that vary.

        Returns
        -------
        object
            Usually itself.
        """

    def transform(self, frames: Floats) -> Floats:
        """Return the components of frames.

        Parameters
        ----------
        frames : ndarray of shape (frame, unit)
            States of the units that were fitted.

        Returns
        -------
        ndarray of shape (frame, component)
            One row for each frame.
        """


class ReducerSettings(Section):
    """Base of the settings classes of reducers.

    Attributes
    ----------
    reference : str
        The paper that the reducer is from; empty where there is none.
    exploratory : bool
        Whether the reducer only serves to look at states that were found elsewhere, so that
        models of its components are never compared with those of other reducers.
    invertible : bool
        Whether the algorithm maps components back to units.
    """

    reference: ClassVar[str] = ""
    exploratory: ClassVar[bool] = False
    invertible: ClassVar[bool] = False

    if TYPE_CHECKING:
        kind: str

    @abstractmethod
    def build(self, random_state: int) -> Algorithm:
        """Return the algorithm with these settings.

        Parameters
        ----------
        random_state : int
            Seed of algorithms that are random.

        Returns
        -------
        Algorithm
            Not fitted.
        """


#: Settings classes of reducers by kind.
REDUCERS: Registry[type[ReducerSettings]] = Registry("reducer")
