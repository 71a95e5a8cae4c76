"""Input events: what happens at the input of a network at each step, with a name for a reader.

Symbols are events. Of values, each input that takes few values, or mostly one, is read on its own:
its neutral value is the value at rest, and each of its other values is an event. Steps at which
several inputs leave their neutral values are combinations, which are kept apart and point to the
single events that they consist of. Inputs that take many values are no events: what is counted for
an event averages over them, and the neutral event is then named by the inputs that are at rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.ragged import steps_inside
from hmmlens.typing import Bools, Floats, Ints

#: Values of one input up to which each is an event.
MOST_LEVELS = 16
#: Events that are distinguished; the rarest combinations beyond are one event.
MOST_EVENTS = 512
#: Inputs that a condition names; of more inputs the rest is counted.
MOST_NAMED = 3
#: Names of events that are not those of one input.
NOTHING, SEVERAL, ANY = "no event", "several inputs at once", "any input"


class InputEvents(NamedTuple):
    """The input events of a recording.

    Attributes
    ----------
    event : ndarray of shape (sequence, time)
        Event of each step, -1 past a sequence's end. The event of step t takes the state from step
        t - 1 to t.
    names : tuple of str
        Name of each event.
    neutral : int or None
        The event at which all inputs that are events have their neutral values, where there is one.
    parts : tuple of tuple of int
        For each combination the events that it consists of; empty for other events, and where not
        every part also occurs alone.
    averaged : tuple of str
        Names of inputs that take many values and so are no events.
    condition : str
        What holds at the neutral event, such as ``pulse 1 and pulse 2 are 0``; empty without one.
    """

    event: Ints
    names: tuple[str, ...]
    neutral: int | None
    parts: tuple[tuple[int, ...], ...]
    averaged: tuple[str, ...]
    condition: str = ""

    @property
    def informative(self) -> bool:
        """Whether there are two events or more.

        Returns
        -------
        bool
            False where inputs never vary, or vary without being events.
        """
        return len(self.names) > 1


class _Channel(NamedTuple):
    """One input as levels.

    level : (step) its level
    neutral : the level at rest, -1 for none
    labels : name of each level
    name : name of the input
    at_rest : the neutral value with its unit, empty for none
    """

    level: Ints
    neutral: int
    labels: list[str]
    name: str
    at_rest: str


def input_events(
    inputs: NDArray[Any],
    length: Ints | None = None,
    names: Sequence[str] | None = None,
    offset: Floats | None = None,
    scale: Floats | None = None,
    units: Sequence[str] | None = None,
) -> InputEvents:
    """Return the events of inputs.

    The neutral value of an input is 0 where it is at least half as frequent as any other value, or
    else the value that more than half of the steps have and that is at least twice as frequent as
    any other, if there is one; the neutral symbol is found likewise, without a preference. An
    input of many values, one of which is neutral, has the events *below* and *above* it.

    Parameters
    ----------
    inputs : ndarray of shape (sequence, time) or (sequence, time, feature)
        Symbols or values.
    length : ndarray of shape (sequence,), optional
        Steps of each sequence; None where no sequence is padded.
    names : sequence of str, optional
        Names of the symbols or features.
    offset, scale : ndarray of shape (feature,), optional
        By which values were standardised; names of events have them undone.
    units : sequence of str, optional
        Units of the features, empty for none.

    Returns
    -------
    InputEvents
        The event of each step. One event, *any input*, where inputs never vary or only take many
        values.

    Examples
    --------
    >>> pulses = np.array([[[0.0, 0.0], [1.0, 0.0], [0.0, 0.0], [0.0, -1.0], [1.0, -1.0]]])
    >>> events = input_events(pulses, names=["a", "b"])
    >>> events.names
    ('no event', 'a', 'b=\N{MINUS SIGN}1', 'a and b=\N{MINUS SIGN}1')
    >>> events.event.tolist(), events.parts[3]
    ([[0, 1, 0, 2, 3]], (1, 2))
    """
    inside = steps_inside(length, *inputs.shape[:2])
    if inputs.ndim == 2:
        return _of_symbols(inputs, inside, names)
    n_features = inputs.shape[2]
    given = list(names) if names else [f"input {i + 1}" for i in range(n_features)]
    values = np.asarray(inputs[inside], dtype=np.float64)
    varying = [c for c in range(n_features) if (values[:, c] != values[0, c]).any()]
    channels, averaged = [], []
    for c in varying:
        shift, factor = (
            default if table is None else float(np.asarray(table)[c])
            for default, table in ((0.0, offset), (1.0, scale))
        )
        # Standardised values without their units are numbers.
        unit = units[c] if units is not None and (scale is None or offset is not None) else ""
        channel = _channel(values[:, c] * factor + shift, given[c], unit, len(varying) == 1)
        if channel is None:
            averaged.append(given[c])
        else:
            channels.append(channel)
    event = np.full(inside.shape, -1, dtype=np.int64)
    if not channels:
        event[inside] = 0
        return InputEvents(event, (ANY,), None, ((),), tuple(averaged))
    event[inside], labels, neutral, parts = _joined(channels, bool(averaged))
    condition = "" if neutral is None else _condition(channels)
    return InputEvents(event, labels, neutral, parts, tuple(averaged), condition)


def of_store(
    attributes: Mapping[str, Any], inputs: NDArray[Any], length: Ints | None = None
) -> InputEvents:
    """Return the events of the inputs of a ``sequences`` store.

    Parameters
    ----------
    attributes : mapping of str to object
        Attributes of the store.
    inputs : ndarray of shape (sequence, time) or (sequence, time, feature)
        Its inputs, or those of some of its sequences.
    length : ndarray of shape (sequence,), optional
        Steps of each sequence.

    Returns
    -------
    InputEvents
        The event of each step.
    """
    names, units, offset, scale = (
        attributes.get(key) for key in ("feature_names", "feature_units", "offset", "scale")
    )
    if inputs.ndim == 2:
        return input_events(inputs, length, names)
    known = [
        value if value is not None and len(value) == inputs.shape[2] else None
        for value in (names, offset, scale, units)
    ]
    return input_events(inputs, length, *known)


def _of_symbols(inputs: NDArray[Any], inside: Bools, names: Sequence[str] | None) -> InputEvents:
    symbols = np.where(inside, inputs, -1).astype(np.int64)
    count = np.bincount(symbols[inside], minlength=len(names or ()))
    labels = list(names) if names else [f"symbol {i + 1}" for i in range(len(count))]
    neutral = _most_frequent(count)
    condition = f"the input is {labels[neutral]}" if neutral >= 0 else ""
    return InputEvents(
        symbols, tuple(labels), neutral if neutral >= 0 else None, ((),) * len(count), (), condition
    )


def _channel(values: Floats, name: str, unit: str, alone: bool) -> _Channel | None:
    """Return the levels of one input; None where it takes many values, none of them neutral."""
    size = float(np.abs(values).max())
    # Values that differ by rounding in single precision are one.
    distinct, level, count = np.unique(
        np.round(values / size, 6) if size else values, return_inverse=True, return_counts=True
    )
    level = level.reshape(len(values))
    neutral = _neutral(distinct, count)
    # What a rounded value stands for, as it was given.
    shown = np.bincount(level, weights=values) / count
    tail = f" {unit}" if unit else ""
    at = f"{_number(float(shown[neutral]), False)}{tail}" if neutral >= 0 else ""
    if len(distinct) <= MOST_LEVELS:
        labels = _labels(shown, neutral, name, unit, alone)
        return _Channel(level, neutral, labels, name, at)
    if neutral < 0 or 2 * count[neutral] <= count.sum():
        return None
    sides = [f"{name}<{at}", f"{name}={at}", f"{name}>{at}"]
    return _Channel(1 + np.sign(level - neutral), 1, sides, name, at)


def _neutral(distinct: Floats, count: Ints) -> int:
    """Return the level at rest, or -1."""
    zero = np.flatnonzero(distinct == 0)
    if len(zero) and 2 * count[zero[0]] >= count.max():
        return int(zero[0])
    return _most_frequent(count)


def _most_frequent(count: Ints) -> int:
    """Return the kind of more than half of the steps, twice as frequent as any other, or -1."""
    largest = int(count.argmax())
    others = np.delete(count, largest).max(initial=0)
    most = 2 * count[largest] > count.sum() and count[largest] >= 2 * others
    return largest if most else -1


def _labels(shown: Floats, neutral: int, name: str, unit: str, alone: bool) -> list[str]:
    """Return a name for each level of an input; the only one's levels are named by their values."""
    signed = bool((shown < 0).any() and (shown > 0).any())
    numbers = [_number(float(v), signed) for v in shown]
    if len(set(numbers)) < len(numbers):
        numbers = [repr(float(v)) for v in shown]
    tail = f" {unit}" if unit else ""
    if alone:
        return [f"{number}{tail}" for number in numbers]
    flag = len(shown) == 2 and neutral >= 0 and np.allclose(sorted(shown), [0.0, 1.0])
    # An input that is on or off is named without a value.
    return [
        name if flag and k != neutral else f"{name}={number}{tail}"
        for k, number in enumerate(numbers)
    ]


def _number(value: float, signed: bool) -> str:
    """Return a value as it is named: with its sign where values of both signs occur."""
    text = f"{value:+.3g}" if signed and value else f"{value:.3g}"
    return text.replace("-", "\N{MINUS SIGN}")


def _condition(channels: Sequence[_Channel]) -> str:
    """Return what holds where all inputs are at rest, such as ``a and b are 0``."""
    by_value: dict[str, list[str]] = {}
    for channel in channels:
        by_value.setdefault(channel.at_rest, []).append(channel.name)
    parts = []
    for value, names in by_value.items():
        more = len(names) - MOST_NAMED
        shown = [*names[:MOST_NAMED], f"{more} more inputs"] if more > 1 else names
        subject = " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else shown[0]
        parts.append(f"{subject} {'is' if len(names) == 1 else 'are'} {value}")
    return " and ".join(parts)


def _joined(
    channels: Sequence[_Channel],
    averaged: bool,
) -> tuple[Ints, tuple[str, ...], int | None, tuple[tuple[int, ...], ...]]:
    """Return the event of each step, and the names, the neutral one and the parts of events."""
    levels = np.stack([channel.level for channel in channels], axis=1)
    rows, of_step, count = np.unique(levels, axis=0, return_inverse=True, return_counts=True)
    neutral = np.array([channel.neutral for channel in channels])
    off = rows != neutral
    if len(channels) == 1:
        order = np.arange(len(rows))
    else:
        # The neutral one, then single events as the inputs stand, then others, frequent ones first.
        first, several = off.argmax(axis=1), off.sum(axis=1) > 1
        level = rows[np.arange(len(rows)), first]
        order = np.lexsort((level, first, -count * several, np.minimum(off.sum(axis=1), 2)))
    place = np.empty(len(rows), dtype=np.int64)
    place[order] = np.arange(len(rows))
    event, rows, off = place[of_step.reshape(len(levels))], rows[order], off[order]
    # Other inputs that vary all the time are not at rest.
    at_rest = _condition(channels) if averaged else NOTHING
    names = [
        channels[0].labels[row[0]]
        if len(channels) == 1
        else _row_name(channels, row, is_off) or at_rest
        for row, is_off in zip(rows, off, strict=True)
    ]
    parts = _parts(rows, off)
    if len(rows) > MOST_EVENTS:
        kept = MOST_EVENTS - 1
        event = np.minimum(event, kept)
        names, parts = [*names[:kept], SEVERAL], [*parts[:kept], ()]
    nothing = np.flatnonzero(~off.any(axis=1))
    return event, tuple(names), int(nothing[0]) if len(nothing) else None, tuple(parts)


def _row_name(channels: Sequence[_Channel], row: Ints, off: Bools) -> str:
    """Return the name of one combination of levels, empty where all are neutral."""
    named = [
        channel.labels[k] for channel, k, is_off in zip(channels, row, off, strict=True) if is_off
    ]
    return " and ".join(named)


def _parts(rows: Ints, off: Bools) -> list[tuple[int, ...]]:
    """Return the single events of each combination, where all of them occur alone."""
    single = {
        (int(c), int(rows[k, c])): int(k)
        for k in np.flatnonzero(off.sum(axis=1) == 1)
        for c in np.flatnonzero(off[k])
    }
    parts: list[tuple[int, ...]] = []
    for row, is_off in zip(rows, off, strict=True):
        own = [(int(c), int(row[c])) for c in np.flatnonzero(is_off)]
        whole = len(own) > 1 and all(part in single for part in own)
        parts.append(tuple(single[part] for part in own) if whole else ())
    return parts
