"""The Shannon entropy of distributions."""

from __future__ import annotations

import numpy as np

from hmmlens.typing import Floats


def entropy(distributions: Floats) -> Floats:
    """Return the Shannon entropy.

    Parameters
    ----------
    distributions : ndarray of shape (..., kind)
        Probabilities.

    Returns
    -------
    ndarray of shape (...)
        In nats.

    Examples
    --------
    >>> entropy(np.array([0.5, 0.5])).round(3).item()
    0.693
    """
    found: Floats = -(distributions * np.log(np.where(distributions > 0, distributions, 1.0))).sum(
        axis=-1
    )
    return found
