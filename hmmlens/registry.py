"""A table of everything of one kind that can be named in a config: reducers, datasets, cells.

A member is registered where it is defined, under the name that configs use and with the label that
reports print. Whatever needs the list of members (the allowed values of a config, the options of
the command line, labels, the tests of the contract that all members keep) reads the registry, so
a new member is written in one place.
"""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterator, ValuesView
from types import ModuleType
from typing import Generic, TypeVar

from hmmlens.errors import ConfigError

T = TypeVar("T")
Member = TypeVar("Member")


class Registry(Generic[T]):
    """Members of one kind by name, in the order in which they were registered.

    Parameters
    ----------
    kind : str
        What a member is, in the singular, for messages: ``"reducer"``.

    Examples
    --------
    >>> CELLS: Registry[type] = Registry("cell")
    >>> @CELLS.register("gru", label="GRU")
    ... class GRU: ...
    >>> list(CELLS), CELLS.label("gru")
    (['gru'], 'GRU')
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._members: dict[str, T] = {}
        self._labels: dict[str, str] = {}

    def register(self, name: str, *, label: str) -> Callable[[Member], Member]:
        """Return a decorator that registers a class, a function or an object and returns it.

        Parameters
        ----------
        name : str
            The name in configs and tables.
        label : str
            The name in reports and figures.

        Returns
        -------
        callable
            Takes the member and returns it.

        Raises
        ------
        ValueError
            When another member has this name.
        """
        if name in self._members:
            raise ValueError(f"there are two {self.kind}s of the name {name!r}")

        def _registered(member: Member) -> Member:
            self._members[name] = member  # type: ignore[assignment]
            self._labels[name] = label
            return member

        return _registered

    def arrange(self, *modules: ModuleType) -> None:
        """Put the members in the order of the modules that define them.

        The order of registration is that of imports, which differs between programs. Members of
        other modules follow in the order of their registration.

        Parameters
        ----------
        *modules : module
            Modules that register members.
        """
        place = {module.__name__: index for index, module in enumerate(modules)}

        def _index(item: tuple[str, T]) -> int:
            return place.get(getattr(item[1], "__module__", ""), len(place))

        self._members = dict(sorted(self._members.items(), key=_index))

    def label(self, name: str) -> str:
        """Return the name of a member in reports and figures.

        Parameters
        ----------
        name : str
            The name in configs and tables.

        Returns
        -------
        str
            The label.

        Raises
        ------
        ConfigError
            When no member has this name.
        """
        self[name]
        return self._labels[name]

    def items(self) -> ItemsView[str, T]:
        """Return the names with their members.

        Returns
        -------
        ItemsView of (str, member)
            In the order of registration.
        """
        return self._members.items()

    def values(self) -> ValuesView[T]:
        """Return the members.

        Returns
        -------
        ValuesView
            In the order of registration.
        """
        return self._members.values()

    def __getitem__(self, name: str) -> T:
        try:
            return self._members[name]
        except KeyError:
            raise ConfigError(
                f"there is no {self.kind} {name!r}; use one of {', '.join(self)}"
            ) from None

    def __contains__(self, name: object) -> bool:
        return name in self._members

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)
