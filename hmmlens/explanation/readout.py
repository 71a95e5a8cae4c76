"""What the output of a network at a step is, and what follows for the explanation of a layer."""

from __future__ import annotations

from typing import Literal

import xarray as xr

from hmmlens.errors import DataError
from hmmlens.recording.activations import TOGETHER

#: The end of the name of a direction that reads from the end of a sequence.
REVERSE = "_reverse"

#: What is added where states do not hold what the network does next.
NO_FUTURES = (
    "So what the network would do from a state is not compared, and nothing is claimed about it."
)

#: Why futures are not compared.
UNKNOWN_FUTURES = (
    "the states depend on other inputs than the outputs, so they do not determine them"
)


def output_part(layer: str | None) -> Literal["prefix", "suffix"]:
    """Return the steps whose output belongs to a state, of networks with one for each sequence.

    Parameters
    ----------
    layer : str or None
        The layer that a caller asks for.

    Returns
    -------
    {"prefix", "suffix"}
        The steps up to a state; or from it on, for a direction that reads from the end.

    Examples
    --------
    >>> output_part("rnn"), output_part("rnn_reverse")
    ('prefix', 'suffix')
    """
    names = [] if layer is None else layer.split(TOGETHER)
    return "suffix" if names and all(name.endswith(REVERSE) for name in names) else "prefix"


def one_direction(acts: xr.DataTree, name: str, asked: bool) -> str:
    """Return the layer, without its second direction where outputs are those of prefixes.

    Parameters
    ----------
    acts : DataTree
        Recorded states of the network.
    name : str
        One node, or several with ``+`` between them.
    asked : bool
        Whether a caller has asked for it.

    Returns
    -------
    str
        The same, or the forward direction.

    Raises
    ------
    DataError
        When both directions were asked for together, and no output belongs to both.
    """
    names = name.split(TOGETHER)
    forward = [n for n in names if not n.endswith(REVERSE)]
    if "step_outputs" not in acts.attrs or not 0 < len(forward) < len(names):
        return name
    if asked:
        raise DataError(
            "the network returns one output for each sequence, whose directions are explained one "
            f"by one; name {forward[0]} or {next(n for n in names if n not in forward)} as layer"
        )
    return TOGETHER.join(forward)


def has_futures(acts: xr.DataTree) -> bool:
    """Return whether a recorded state comes from the steps that its output comes from.

    Parameters
    ----------
    acts : DataTree
        Recorded states of the network.

    Returns
    -------
    bool
        False where outputs were made for every step and a layer reads later inputs.
    """
    about = acts.attrs
    if "step_outputs" not in about:
        return True
    return not (
        about["reads_later"] or about["both_directions"] or "suffix" in about["step_outputs"]
    )


def note(acts: xr.DataTree, name: str) -> str:
    """Return what a reader must know about outputs and directions.

    Parameters
    ----------
    acts : DataTree
        Recorded states of the network.
    name : str
        The layer that is explained.

    Returns
    -------
    str
        Sentences; empty for a network with an output at every step whose layer reads forwards.
    """
    about = acts.attrs
    names = name.split(TOGETHER)
    directions = [n for n in acts.children if n.endswith(REVERSE)]
    found = []
    if "step_outputs" in about:
        text = str(about["step_outputs"])
        found.append(
            f"{text[0].upper()}{text[1:]} ({about['step_outputs_by']}; largest difference to runs "
            f"on a sample of them: {about['step_outputs_error']:.2g})."
        )
        if about["both_directions"] or directions:
            knows = "after" if names[0].endswith(REVERSE) else "before"
            found.append(
                "A layer reads in both directions, so no state holds all that this output depends "
                f"on: {name} is explained alone, which knows the steps {knows} each step and that "
                f"step. {NO_FUTURES}"
            )
        elif about["reads_later"]:
            found.append(f"The states at a step depend on later inputs. {NO_FUTURES}")
    elif any(n in directions for n in names):
        knows = "all steps of its sequence" if len(names) > 1 else "the steps after it"
        found.append(
            f"The layer reads in both directions, and a state of {name} at a step knows {knows}. "
            f"{NO_FUTURES}"
        )
    return " ".join(found)
