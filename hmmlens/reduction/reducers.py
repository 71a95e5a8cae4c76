"""All reducers: importing this module registers them."""

from __future__ import annotations

from hmmlens.reduction.base import REDUCERS

# The order is that of messages and of the JSON Schema.
# isort: off
from hmmlens.reduction import pca  # noqa: F401
from hmmlens.reduction import factor_analysis  # noqa: F401
from hmmlens.reduction import ica  # noqa: F401
from hmmlens.reduction import identity  # noqa: F401
from hmmlens.reduction import tsne  # noqa: F401
# isort: on

__all__ = ["REDUCERS"]
