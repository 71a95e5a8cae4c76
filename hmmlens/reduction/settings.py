"""Settings of reducers: one section for each registered kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from hmmlens.reduction.base import ReducerSettings
from hmmlens.reduction.reducers import REDUCERS
from hmmlens.settings import one_of

if TYPE_CHECKING:
    ReducerConfig: TypeAlias = ReducerSettings
else:
    #: A section of any kind.
    ReducerConfig = one_of(REDUCERS.values())
