"""A registry of the figures of a report: caption, place in the report, and tables it is drawn from.

A figure is registered where its function is defined. What draws the figures of a study, what sets
its report and the test of the contract that all figures keep read the registry, so that a new
figure is written in one place.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
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
    section : str
        Section of the report in which the figure stands.
    order : float
        Figures of a section stand in the order of rising numbers.
    """

    draw: Callable[..., Drawn]
    caption: str
    inputs: tuple[str, ...]
    optional: tuple[str, ...]
    section: str
    order: float


class FigureRegistry(Registry[Drawing]):
    """Figures of one report by name, in the order in which they were registered.

    Parameters
    ----------
    sections : sequence of str
        Sections of the report that hold figures, in their order. Its template prints all figures
        of each.

    Examples
    --------
    >>> FIGURES = FigureRegistry(["Training"])
    >>> @FIGURES.figure(
    ...     "losses", section="Training", caption="Loss of all trainings.", inputs=["history"]
    ... )
    ... def losses(history): ...
    >>> FIGURES.placed(["losses"])
    {'Training': [{'name': 'losses', 'caption': 'Loss of all trainings.'}]}
    """

    def __init__(self, sections: Sequence[str]) -> None:
        super().__init__("figure")
        self.sections = tuple(sections)

    def figure(
        self,
        name: str,
        *,
        caption: str,
        inputs: tuple[str, ...] | list[str],
        optional: tuple[str, ...] | list[str] = (),
        section: str,
        order: float = math.inf,
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
        section : str
            One of the sections of the registry.
        order : float
            See :class:`Drawing`; by default the figure stands at the end of its section.

        Returns
        -------
        callable
            The decorator.

        Raises
        ------
        ValueError
            When another figure has this name, or the report has no such section.
        """
        if section not in self.sections:
            raise ValueError(
                f"figure {name!r}: there is no section {section!r}; "
                f"use one of {', '.join(map(repr, self.sections))}"
            )

        def _registered(draw: Draw) -> Draw:
            drawing = Drawing(draw, caption, tuple(inputs), tuple(optional), section, order)
            self.register(name, label=caption)(drawing)
            return draw

        return _registered

    def placed(self, drawn: Collection[str]) -> dict[str, list[dict[str, str]]]:
        """Return the figures of each section of the report, in the report's order.

        Parameters
        ----------
        drawn : collection of str
            Names of the figures that were drawn.

        Returns
        -------
        dict of str to list of dict
            Section -> ``name`` and ``caption`` of its figures; every section is there.
        """
        found: dict[str, list[dict[str, str]]] = {section: [] for section in self.sections}
        for name, drawing in sorted(self.items(), key=lambda item: item[1].order):
            if name in drawn:
                found[drawing.section].append({"name": name, "caption": drawing.caption})
        return found

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


def table_reader(folder: Path) -> Callable[[str], pd.DataFrame | None]:
    """Return a function that reads a table of a folder by its name, each at most once.

    Parameters
    ----------
    folder : Path
        Folder of CSV tables.

    Returns
    -------
    callable
        Takes the name of a table, and returns it, or None where there is none or it has no columns.
    """

    @functools.cache
    def _read(name: str) -> pd.DataFrame | None:
        try:
            return pd.read_csv(folder / f"{name}.csv")
        except (FileNotFoundError, pd.errors.EmptyDataError):
            return None

    return _read
