"""Types of arrays that signatures use."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Real values.
Floats = NDArray[np.float64]
#: Whole numbers of any size: counts, labels, indices.
Ints = NDArray[np.integer]
#: Whole numbers as NumPy makes them by default.
Int64s = NDArray[np.int64]
#: Masks.
Bools = NDArray[np.bool_]
