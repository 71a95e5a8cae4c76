"""What was recorded of one layer, prepared for the statistics of a verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hmmlens.errors import DataError
from hmmlens.hmm.settings import Selection
from hmmlens.ragged import steps_inside
from hmmlens.recording import activations
from hmmlens.reduction.constant_units import varying_units
from hmmlens.reduction.principal_components import PrincipalComponents
from hmmlens.typing import Bools, Floats, Ints
from hmmlens.validation.baselines.codebook import DEFAULT_CODEBOOKS, CodebookSettings
from hmmlens.validation.input_output import InputOutput, combinations, input_classes


@dataclass(frozen=True)
class EvidenceSettings:
    """Settings of the measurements behind a verdict.

    Attributes
    ----------
    horizon : int
        Steps ahead at which fidelity is compared with its threshold. The columns ``fidelity_h``,
        ``codebook_h`` and ``linear_h`` hold h = 0 to ``horizon``; the reports show those of 5.
    warm_up : int
        First steps of a sequence that are not scored, but at most a fifth of the recording.
    variance : float
        Share of the variance that the principal components keep.
    min_components, max_components : int
        Smallest and largest number of principal components.
    fidelity_tolerance : float
        The resolution is the smallest codebook whose fidelity is this close to the best; the same
        setting as ``selection: fidelity_tolerance`` of a study.
    n_bootstrap : int
        Resamples behind the distribution of the number of states.
    clear : float
        A state is clear when its filtered probability is above this.
    codebook : CodebookSettings
        Settings of the codebooks.
    """

    horizon: int = 5
    warm_up: int = activations.WARM_UP
    variance: float = 0.95
    min_components: int = 2
    max_components: int = 8
    fidelity_tolerance: float = Selection().fidelity_tolerance
    n_bootstrap: int = 200
    clear: float = 0.8
    codebook: CodebookSettings = DEFAULT_CODEBOOKS


DEFAULT_SETTINGS = EvidenceSettings()


class Recorded(NamedTuple):
    """What was recorded of one layer of a network.

    Attributes
    ----------
    hidden : ndarray of shape (sequence, time, unit)
        State of the layer.
    distribution : ndarray of shape (sequence, time, output)
        Output of the network.
    inputs : ndarray of shape (sequence, time) or (sequence, time, feature)
        Symbols or values.
    length : ndarray of shape (sequence,)
        Number of steps.
    split : ndarray of shape (sequence,)
        0 for train, 1 for select, 2 for test.
    """

    hidden: Floats
    distribution: Floats
    inputs: NDArray[np.generic]
    length: Ints
    split: Ints


class Losses(NamedTuple):
    """Test losses in one unit.

    Attributes
    ----------
    network : float
        Loss of the network; NaN where its task is not known.
    marginal : float
        Loss of the best constant answer.
    floor : float
        Smallest possible loss; NaN where it is not known.
    """

    network: float
    marginal: float
    floor: float = np.nan


def prepare(
    recorded: Recorded, seed: int, settings: EvidenceSettings = DEFAULT_SETTINGS
) -> tuple[InputOutput, Floats]:
    """Return inputs and outputs, and the principal components of the layer, without the warm-up.

    Parameters
    ----------
    recorded : Recorded
        The layer.
    seed : int
        Seed of the clusters of inputs.
    settings : EvidenceSettings, optional
        The warm-up, the horizon and the number of components.

    Returns
    -------
    data : InputOutput
        Inputs and outputs.
    components : ndarray of shape (sequence, time, component)
        Principal components.

    Raises
    ------
    DataError
        When a split is empty, or no unit varies.
    """
    skip = warm_up(recorded, settings)
    inside = steps_inside(recorded.length, *recorded.distribution.shape[:2])[:, skip:]
    masks = {
        name: inside & (recorded.split == part)[:, None]
        for part, name in enumerate(("train", "select", "test"))
    }
    for name, mask in masks.items():
        if not mask[:, settings.horizon :].any():
            raise DataError(
                f"no {name} sequence is longer than the warm-up and the horizon "
                f"({skip + settings.horizon} steps); record longer sequences"
            )
    classes, n_classes = input_classes(recorded.inputs, recorded.split == 0, recorded.length, seed)
    distribution = np.where(inside[..., None], recorded.distribution[:, skip:], 0.0)
    hidden = np.where(inside[..., None], recorded.hidden[:, skip:], 0.0)
    parts = combinations(recorded.inputs, classes, n_classes, recorded.length)
    data = InputOutput(distribution, classes[:, skip:], n_classes, masks, parts)
    return data, components(hidden, masks["train"], settings)


def warm_up(recorded: Recorded, settings: EvidenceSettings = DEFAULT_SETTINGS) -> int:
    """Return the number of first steps that are not scored: at most a fifth of the recording.

    Parameters
    ----------
    recorded : Recorded
        The layer.
    settings : EvidenceSettings, optional
        Of which ``warm_up`` is used.

    Returns
    -------
    int
        Number of first steps that are not scored.
    """
    return min(settings.warm_up, int(recorded.distribution.shape[1]) // 5)


def components(
    hidden: Floats, train: Bools, settings: EvidenceSettings = DEFAULT_SETTINGS
) -> Floats:
    """Return the leading principal components of the train split.

    Parameters
    ----------
    hidden : ndarray of shape (sequence, time, unit)
        State of the layer.
    train : ndarray of shape (sequence, time)
        Frames from which the components are learnt.
    settings : EvidenceSettings, optional
        The share of variance to keep and the number of components.

    Returns
    -------
    ndarray of shape (sequence, time, component)
        The leading principal components of the train split.

    Raises
    ------
    DataError
        When no unit varies.
    """
    frames = hidden[train]
    if not varying_units(frames).any():
        raise DataError("no unit of this layer ever changes, so there is nothing to explain")
    pca = PrincipalComponents(settings.max_components).fit(frames)
    kept = pca.explained_variance_ratio_.cumsum()
    enough = np.searchsorted(kept, settings.variance) + 1
    n = int(np.clip(enough, settings.min_components, settings.max_components))
    return pca.transform(hidden)[..., :n]
