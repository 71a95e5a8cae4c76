"""The E-step by name: NumPy (compiled where it can be, see the package ``kernel``) or torch."""

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
    engine : str
        ``numpy`` or ``torch``.
    n_rows : int
        Restarts times states.
    n_features : int
        Features of the family; torch keeps all of them on its device.

    Returns
    -------
    int
        Numbers of 8 bytes.
    """
    return 3 * n_rows + 2 + (n_features if engine == "torch" else 0)


def expectation(engine: str, device: str = "auto") -> Expect:
    """Return the E-step of an engine.

    Parameters
    ----------
    engine : str
        ``numpy`` or ``torch``.
    device : str, default="auto"
        Device of torch: ``cpu``, ``cuda``, or ``auto`` for the latter where there is one.

    Returns
    -------
    callable
        See :data:`hmmlens.hmm.engine.em.Expect`.

    Raises
    ------
    DataError
        When there is no such engine, device or compiled kernel.
    """
    if engine == "numpy":
        from hmmlens.hmm.engine.kernel import loading

        return loading.expectation()
    if engine == "torch":
        from hmmlens.hmm.engine.passes import estep_torch

        return estep_torch.on(device)
    raise DataError(f"engine must be one of {', '.join(ENGINES)}, found {engine!r}")
