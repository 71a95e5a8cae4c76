"""All reducers: importing this module registers them."""

from __future__ import annotations

from hmmlens.reduction import factor_analysis, ica, identity, pca, tsne
from hmmlens.reduction.base import REDUCERS

__all__ = ["REDUCERS"]

# The order of messages and of the JSON Schema.
REDUCERS.arrange(pca, factor_analysis, ica, identity, tsne)
