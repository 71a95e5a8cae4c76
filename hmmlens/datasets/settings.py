"""Settings of datasets: one section for each registered kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from hmmlens.datasets.base import Dataset
from hmmlens.datasets.build import DATASETS
from hmmlens.datasets.synthetic.base import SyntheticDataset
from hmmlens.settings import one_of

if TYPE_CHECKING:
    DatasetConfig: TypeAlias = Dataset
    SyntheticConfig: TypeAlias = SyntheticDataset
else:
    #: A section of any kind.
    DatasetConfig = one_of(DATASETS.values())
    #: A section of a kind that is sampled, so that its true states are known.
    SyntheticConfig = one_of(d for d in DATASETS.values() if issubclass(d, SyntheticDataset))
