"""The E-step by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hmmlens.errors import DataError

if TYPE_CHECKING:
    from hmmlens.hmm.em import Expect

ENGINES = ("numpy", "torch")


def floats_per_frame(engine: str, n_rows: int, n_features: int) -> int:
    """Return how many numbers an E-step holds for each frame.

    Parameters
    ----------
    n_rows : restarts times states.
    n_features : of the family; torch keeps all of them on its device.
    """
    return 3 * n_rows + 2 + (n_features if engine.startswith("torch") else 0)


def expectation(engine: str) -> Expect:
    """Return the E-step of ``engine``: numpy, torch, or torch on a device as in ``torch:cuda``.

    Raises
    ------
    DataError
        When there is no such engine.
    """
    name, _, device = engine.partition(":")
    if name == "numpy" and not device:
        from hmmlens.hmm import estep

        return estep.expect
    if name == "torch":
        from hmmlens.hmm import estep_torch

        return estep_torch.on(device or None)
    raise DataError(f"engine must be one of {', '.join(ENGINES)}, found {engine!r}")
