"""The recordings of the datasets that others published, known without reading any of them."""

from __future__ import annotations

from collections.abc import Sequence

from hmmlens.errors import did_you_mean

#: Recordings of walking: person, speed or course. Two people, H and J.
GAIT = (
    "H_3km",
    "H_4km",
    "H_5km",
    "H_LG_stopgo",
    "J_4km_stopgo",
    "J_4km",
    "J_5km",
    "J_LG_stopgo",
)

#: Steps between an input of the published gait network and the phase that it estimates.
PHASE_LEAD = 20

#: Clips of speech: one sentence each, all by one reader.
SPEECH = ("0870", "0880", "0890", "0920", "0930")


def check_held(known: Sequence[str], kind: str, select: Sequence[str], test: Sequence[str]) -> None:
    """Check the recordings that are held out of training.

    Parameters
    ----------
    known : sequence of str
        All that there are.
    kind : str
        What they are called in the settings, ``recordings`` or ``clips``.
    select : sequence of str
        Those of the select split.
    test : sequence of str
        Those of the test split.

    Raises
    ------
    ValueError
        When one is unknown or named twice, or none is left for training.
    """
    held = [(f"select_{kind}", name) for name in select] + [(f"test_{kind}", name) for name in test]
    for key, name in held:
        if name not in known:
            raise ValueError(
                f"{key}: there is no {name!r}{did_you_mean(name, known)}, wants some of: "
                f"{', '.join(known)}"
            )
    names = [name for _, name in held]
    for key, name in held:
        if names.count(name) > 1:
            raise ValueError(f"{key}: {name!r} is named twice in select_{kind} and test_{kind}")
    if len(held) == len(known):
        raise ValueError(
            f"select_{kind} and test_{kind} name all {kind}, so that none is left for training"
        )
