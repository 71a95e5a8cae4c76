"""What figures share with tables and the report's text."""

from __future__ import annotations

#: Arrows below this probability are not drawn.
MIN_ARROW = 0.01


def state_name(index: int) -> str:
    """Return A, B, ... Z, A2, B2 ...: states are named most frequent first."""
    letter = chr(ord("A") + index % 26)
    return letter if index < 26 else f"{letter}{index // 26 + 1}"


def state_names(n: int) -> list[str]:
    """Return the names of ``n`` states."""
    return [state_name(i) for i in range(n)]
