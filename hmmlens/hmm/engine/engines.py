"""The E-step by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hmmlens.errors import DataError

if TYPE_CHECKING:
    from hmmlens.hmm.engine.em import Expect

ENGINES = ("numpy", "torch")


def floats_per_frame(engine: str, n_rows: int, n_features: int) -> int:
    """Return how many numbers an E-step holds for each frame.

    Parameters
    ----------
    n_rows : restarts times states.
    n_features : of the family; torch keeps all of them on its device.
    """
    return 3 * n_rows + 2 + (n_features if engine == "torch" else 0)


def expectation(engine: str, device: str = "auto") -> Expect:
    """Return the E-step of ``engine``, numpy or torch.

    Parameters
    ----------
    device : of torch: ``cpu``, ``cuda``, or ``auto`` for the latter where there is one.

    Raises
    ------
    DataError
        When there is no such engine or device.
    """
    if engine == "numpy":
        from hmmlens.hmm.engine import estep

        return estep.expect
    if engine == "torch":
        from hmmlens.hmm.engine import estep_torch

        return estep_torch.on(device)
    raise DataError(f"engine must be one of {', '.join(ENGINES)}, found {engine!r}")
