"""A reducer fitted to the train sequences of a layer, which may be larger than the memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hmmlens.arrays import LARGEST, unusable
from hmmlens.errors import DataError
from hmmlens.ragged import steps_inside
from hmmlens.reduction.constant_units import varying
from hmmlens.reduction.reducers import REDUCERS
from hmmlens.stats.moments import Moments, Part
from hmmlens.typing import Bools, Floats


class Reduction:
    """A reducer fitted to the train sequences of a layer.

    Parameters
    ----------
    parts : callable
        Returns the parts of the layer anew at every call.
    train : ndarray of bool, shape (sequence,)
        Which sequences are fitted.
    settings : dict
        ``kind`` and its keys, as in the config; they are not validated again.
    random_state : int
        Seed of reducers that are random.

    Attributes
    ----------
    varies : ndarray of bool, shape (unit,)
        Which units vary on the train sequences.
    mean : ndarray of shape (unit,)
        Mean of the train frames.
    algorithm : Algorithm
        Fitted to the units that vary.
    about : dict
        ``exploratory``, ``n_dead_units`` and, for PCA, ``explained_variance_ratio``, a list with
        one share for each component.

    Raises
    ------
    DataError
        When no unit varies, or a state is not finite.
    """

    def __init__(
        self,
        parts: Callable[[], Iterable[Part]],
        train: Bools,
        settings: dict[str, Any],
        random_state: int,
    ) -> None:
        def fitted_frames(part: Part) -> Floats:
            return part.frames[np.repeat(train[part.rows], part.inside.sum(axis=1))]

        moments = Moments()
        for part in parts():
            _check_usable(part)
            moments.add(fitted_frames(part))
        self.varies, self.mean = varying(moments), moments.mean
        if not self.varies.any():
            raise DataError(_reason_of_no_variation(moments))

        def chunks() -> Iterator[Floats]:
            return (fitted_frames(part)[:, self.varies] for part in parts())

        chosen = REDUCERS[settings["kind"]].model_construct(**settings)
        self.algorithm: Any = chosen.build(random_state)
        if hasattr(self.algorithm, "fit_chunks"):
            self.algorithm.fit_chunks(chunks)
        else:
            self.algorithm.fit(np.concatenate(list(chunks())))
        self.about: dict[str, Any] = {
            "exploratory": chosen.exploratory,
            "n_dead_units": int((~self.varies).sum()),
        }
        ratio = getattr(self.algorithm, "explained_variance_ratio_", None)
        if ratio is not None:
            self.about["explained_variance_ratio"] = [float(share) for share in ratio]

    def transform(self, frames: Floats) -> Floats:
        """Return the components of frames.

        Parameters
        ----------
        frames : ndarray of shape (frame, unit)
            States of all units of the layer.

        Returns
        -------
        ndarray of shape (frame, component)
            One row for each frame.
        """
        components: Floats = self.algorithm.transform(frames[:, self.varies])
        return components

    def inverse_transform(self, components: Floats) -> Floats:
        """Return the frames that have these components.

        Units that do not vary have their mean over the train frames.

        Parameters
        ----------
        components : ndarray of shape (frame, component)
            Components of frames.

        Returns
        -------
        ndarray of shape (frame, unit)
            States of all units of the layer.
        """
        frames = np.tile(self.mean, (len(components), 1))
        frames[:, self.varies] = self.algorithm.inverse_transform(components)
        return frames

    def padded(self, part: Part) -> Floats:
        """Return the components of a part of the layer.

        Parameters
        ----------
        part : Part
            Some sequences.

        Returns
        -------
        ndarray of shape (sequence, time, component)
            NaN past each end.
        """
        flat = self.transform(part.frames)
        padded = np.full((*part.inside.shape, flat.shape[1]), np.nan)
        padded[part.inside] = flat
        return padded


def _check_usable(part: Part) -> None:
    """Raise :class:`DataError` for a state that is not finite or too large, with its place."""
    bad = np.flatnonzero(unusable(part.frames))
    if len(bad):
        sequence, step = (int(index[bad[0]]) for index in np.nonzero(part.inside))
        values = part.frames[bad[0]]
        unit = int(np.flatnonzero(unusable(values[:, None]))[0])
        raise DataError(
            f"the state at sequence {sequence + part.rows.start}, step {step}, unit {unit} is "
            f"{values[unit]:.3g}; states must be finite numbers of at most {LARGEST:.0g}"
        )


def _reason_of_no_variation(moments: Moments) -> str:
    """Return why there is nothing to reduce."""
    if moments.n and (moments.largest > moments.smallest).any():
        return "the units change by so little that squares vanish; rescale them"
    return "no unit of this layer ever changes, so there is nothing to reduce"


def fit_transform(
    state: Floats,
    train: Bools,
    settings: dict[str, Any],
    random_state: int,
    length: ArrayLike | None = None,
) -> tuple[Floats, dict[str, Any]]:
    """Fit a reducer on the train sequences and apply it to all.

    Parameters
    ----------
    state : ndarray of shape (sequence, time, unit)
        States of a layer. Entries past the end of a sequence are ignored.
    train : ndarray of bool, shape (sequence,)
        Which sequences are fitted.
    settings : dict
        ``kind`` and its keys, as in the config.
    random_state : int
        Seed of reducers that are random.
    length : array_like of shape (sequence,), optional
        Steps of each sequence; None where all have the same.

    Returns
    -------
    reduced : ndarray of shape (sequence, time, component)
        NaN past each end.
    about : dict
        See :class:`Reduction`.

    Raises
    ------
    DataError
        When no unit varies, or a state is not finite.
    """
    inside = steps_inside(length, *state.shape[:2])
    whole = Part(slice(0, len(state)), inside, state[inside])
    fitted = Reduction(lambda: [whole], train, settings, random_state)
    return fitted.padded(whole), fitted.about


def checked_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Return settings with defaults filled in.

    Parameters
    ----------
    settings : dict
        ``kind`` and its keys, as in the config.

    Returns
    -------
    dict
        ``kind`` and all of its keys.

    Raises
    ------
    DataError
        When there is no such reducer, it has no such setting, or a value does not fit.
    """
    from pydantic import ValidationError, create_model

    from hmmlens.reduction.settings import ReducerConfig
    from hmmlens.setting_messages import sentences

    wanted: Any = create_model("Wanted", reducer=(ReducerConfig, ...))
    try:
        full: dict[str, Any] = wanted.model_validate({"reducer": settings}).reducer.model_dump()
    except ValidationError as error:
        problems = sentences(error.errors(include_url=False), wanted.model_json_schema())
        raise DataError("; ".join(problems)) from None
    return full
