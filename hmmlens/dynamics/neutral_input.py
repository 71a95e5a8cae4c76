"""The neutral input of a task: it carries no information, so that the dynamics are autonomous."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

#: Input that carries no information: the network's own most likely symbol as its next input, its
#: own prediction as its next input, or zeros.
Neutral = Literal["symbol", "prediction", "zero"]

#: The neutral input in words.
NEUTRAL_TEXT: dict[Neutral | None, str] = {
    "symbol": "its own likeliest symbol",
    "prediction": "its own prediction",
    "zero": "zeros",
    None: "none",
}


def neutral_input(attributes: Mapping[str, Any]) -> Neutral | None:
    """Return the neutral input of a task.

    A network that predicts its next input receives its prediction; one that is driven by values
    receives zeros.

    Parameters
    ----------
    attributes : mapping
        Attributes of the task's ``sequences`` store.

    Returns
    -------
    {"symbol", "prediction", "zero"} or None
        None where no input is neutral: symbols that the network does not predict.
    """
    # Generated symbols have no names; they are those of the input.
    same = attributes.get("feature_names") == attributes.get("target_names")
    next_input = attributes["target_delay"] == 1 and same
    if attributes["input_kind"] == "symbols":
        return "symbol" if next_input and attributes["target_kind"] == "symbols" else None
    return "prediction" if next_input else "zero"
