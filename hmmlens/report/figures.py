"""A registry of the figures of a report, each with its caption and the tables it is drawn from.

A figure is registered where its function is defined. What draws the figures of a study, what sets
its report and the test of the contract that all figures keep read the registry, so that a new
figure is written in one place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

import pandas as pd
from matplotlib.figure import Figure

from hmmlens.registry import Registry

#: A figure with the numbers that it shows, or None where there is nothing to show.
Drawn = tuple[Figure, pd.DataFrame] | None
Draw = TypeVar("Draw", bound=Callable[..., Drawn])


class Drawing(NamedTuple):
    """How one figure is made.

    Attributes
    ----------
    draw : callable
        Takes the inputs, then the optional ones, in their order; returns the figure and a DataFrame
        of the numbers that it shows, or None where there is nothing to show.
    caption : str
        Full sentences that explain the figure to somebody who has not read the code.
    inputs : tuple of str
        Names of the tables (or other objects) without which there is no figure.
    optional : tuple of str
        Names of tables that are passed without rows where the study has none.
    """

    draw: Callable[..., Drawn]
    caption: str
    inputs: tuple[str, ...]
    optional: tuple[str, ...] = ()


class FigureRegistry(Registry[Drawing]):
    """Figures of one report by name, in the order in which they were registered.

    Examples
    --------
    >>> FIGURES = FigureRegistry()
    >>> @FIGURES.figure("losses", caption="Loss of every training.", inputs=["history"])
    ... def losses(history): ...
    >>> FIGURES.captions()
    {'losses': 'Loss of every training.'}
    """

    def __init__(self) -> None:
        super().__init__("figure")

    def figure(
        self,
        name: str,
        *,
        caption: str,
        inputs: tuple[str, ...] | list[str],
        optional: tuple[str, ...] | list[str] = (),
    ) -> Callable[[Draw], Draw]:
        """Return a decorator that registers a function that draws, and returns it as it is.

        Parameters
        ----------
        name : str
            Name of the files of the figure.
        caption : str
            See :class:`Drawing`.
        inputs : sequence of str
            See :class:`Drawing`.
        optional : sequence of str
            See :class:`Drawing`.

        Returns
        -------
        callable
            The decorator.

        Raises
        ------
        ValueError
            When another figure has this name.
        """

        def _registered(draw: Draw) -> Draw:
            drawing = Drawing(draw, caption, tuple(inputs), tuple(optional))
            self.register(name, label=caption)(drawing)
            return draw

        return _registered

    def captions(self) -> dict[str, str]:
        """Return the caption of each figure by its name.

        Returns
        -------
        dict of str to str
            Name -> caption.
        """
        return {name: drawing.caption for name, drawing in self.items()}

    def drawn(self, read: Callable[[str], Any]) -> Iterator[tuple[str, Figure, pd.DataFrame]]:
        """Draw every figure whose inputs are there.

        Parameters
        ----------
        read : callable
            Returns an input by its name, or None where there is none.

        Yields
        ------
        name : str
        figure : Figure
        source : DataFrame
            The numbers that the figure shows.
        """
        for name, drawing in self.items():
            given = [read(needed) for needed in drawing.inputs]
            if any(_is_missing(one) for one in given):
                continue
            for wanted in drawing.optional:
                found = read(wanted)
                given.append(pd.DataFrame() if found is None else found)
            made = drawing.draw(*given)
            if made is not None:
                yield name, *made


def _is_missing(given: Any) -> bool:
    return given is None or (isinstance(given, pd.DataFrame) and given.empty)
