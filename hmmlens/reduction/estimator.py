"""Reducers as an estimator in the manner of scikit-learn."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from hmmlens import observations
from hmmlens.arguments import seed as seed_of
from hmmlens.deprecation import renamed_parameters
from hmmlens.errors import DataError
from hmmlens.reduction.fitting import Reduction, checked_settings
from hmmlens.reduction.inputs import as_part, checked_states, unit_names
from hmmlens.reduction.reducers import REDUCERS
from hmmlens.typing import Floats

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Reducer:
    """Reduce the state of a layer to few components.

    Data are *flat* (frame, unit), as in scikit-learn; or *padded* (sequence, time, unit) with the
    length of each sequence where the data do not carry it; or a list of sequences (time, unit).
    Results have the layout of the data. Units that are constant on the fitted data are left out
    before the reduction. The estimator can be cloned and used in pipelines of scikit-learn.

    Parameters
    ----------
    kind : str
        Name of a reducer: ``pca``, ``factor_analysis``, ``ica``, ``identity`` or ``tsne``.
    n_components : int, optional
        Number of dimensions to keep, at most; None takes the default of the kind.
    perplexity : float, optional
        Effective number of neighbours of ``tsne``; None takes its default.
    max_fit_frames : int, optional
        Number of frames that shape the map of ``tsne``, at most; None takes its default.
    n_iter : int, optional
        Steps of gradient descent that shape the map of ``tsne``; None takes its default.
    random_state : int, RandomState, Generator or None
        Seed of reducers that are random; None for a fresh one.

    Attributes
    ----------
    n_features_in_ : int
        Number of units.
    feature_names_in_ : ndarray of shape (unit,)
        Names of the units, where the data have names.
    n_components_ : int
        Number of dimensions that were kept.
    varying_units_ : ndarray of bool, shape (unit,)
        Which units vary on the fitted data.
    algorithm_ : object
        The fitted algorithm; for PCA with ``mean_``, ``components_`` and
        ``explained_variance_ratio_`` over the units that vary.
    random_state_ : int
        The seed that was used.

    Examples
    --------
    >>> import numpy as np
    >>> from hmmlens import Reducer
    >>> state = np.random.default_rng(0).normal(size=(8, 30, 6))
    >>> reducer = Reducer("pca", n_components=2).fit(state)
    >>> reducer.transform(state).shape
    (8, 30, 2)
    >>> reducer.inverse_transform(reducer.transform(state)).shape
    (8, 30, 6)
    """

    @renamed_parameters(seed="random_state")
    def __init__(
        self,
        kind: str = "pca",
        *,
        n_components: int | None = None,
        perplexity: float | None = None,
        max_fit_frames: int | None = None,
        n_iter: int | None = None,
        random_state: Any = 0,
    ) -> None:
        self.kind = kind
        self.n_components = n_components
        self.perplexity, self.max_fit_frames, self.n_iter = perplexity, max_fit_frames, n_iter
        self.random_state = random_state

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters of the constructor.

        Parameters
        ----------
        deep : bool
            Of no effect, because no parameter is an estimator.

        Returns
        -------
        dict
            Values by name.
        """
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def set_params(self, **params: Any) -> Self:
        """Set parameters of the constructor.

        Parameters
        ----------
        **params : object
            New values by name.

        Returns
        -------
        Reducer
            The object itself.

        Raises
        ------
        ValueError
            When there is no such parameter.
        """
        known = inspect.signature(type(self)).parameters
        for name, value in params.items():
            if name not in known:
                raise ValueError(
                    f"{name!r} is no parameter of {type(self).__name__}; use one of "
                    f"{', '.join(known)}"
                )
            setattr(self, name, value)
        return self

    def __sklearn_tags__(self) -> Any:
        """Return what scikit-learn's tools ask of an estimator; its import is left to them."""
        from sklearn.base import BaseEstimator
        from sklearn.utils import TransformerTags

        tags = BaseEstimator().__sklearn_tags__()
        tags.estimator_type = "transformer"
        tags.transformer_tags = TransformerTags()
        tags.input_tags.three_d_array = True
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "reduction_")

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self)).parameters
        changed = "".join(
            f", {name}={value!r}"
            for name, value in self.get_params().items()
            if name != "kind" and value is not defaults[name].default
        )
        return f"{type(self).__name__}({self.kind!r}{changed})"

    def fit(self, X: Any, y: Any = None, *, lengths: Any = None) -> Self:
        """Fit the reducer to all frames.

        Parameters
        ----------
        X : array_like of shape (frame, unit) or (sequence, time, unit), or list of sequences
            States of a layer.
        y : object
            Ignored, as is usual for transformers.
        lengths : array_like of shape (sequence,), optional
            Steps of each sequence, where they differ.

        Returns
        -------
        Reducer
            The object itself.

        Raises
        ------
        DataError
            When the states are no finite real numbers, none of them varies, or a setting does not
            fit.
        """
        params = self.get_params().items()
        given = {k: v for k, v in params if k != "random_state" and v is not None}
        settings = checked_settings(given)
        data = checked_states(X, lengths)
        if len(data.frames) < 2:
            raise DataError("X holds one sample (frame), so no unit varies; give 2 or more")
        self.random_state_ = seed_of(self.random_state)
        whole = as_part(data)
        everything = np.ones(len(whole.inside), dtype=bool)
        self.reduction_ = Reduction(lambda: [whole], everything, settings, self.random_state_)
        self.varying_units_, self.algorithm_ = self.reduction_.varies, self.reduction_.algorithm
        self.n_features_in_ = data.frames.shape[1]
        vars(self).pop("feature_names_in_", None)
        names = unit_names(X)
        if names is not None:
            self.feature_names_in_ = names
        self.n_components_ = self.reduction_.transform(data.frames[:1]).shape[1]
        return self

    def transform(self, X: Any, *, lengths: Any = None) -> Floats:
        """Return the components of frames.

        Parameters
        ----------
        X : array_like of shape (frame, unit) or (sequence, time, unit), or list of sequences
            States of the units that were fitted.
        lengths : array_like of shape (sequence,), optional
            Steps of each sequence, where they differ.

        Returns
        -------
        ndarray of shape (frame, component) or (sequence, time, component)
            In the layout of the data, NaN past the end of a sequence.

        Raises
        ------
        NotFittedError
            When the reducer is not fitted.
        DataError
            When the states do not fit.
        """
        self._check_is_fitted()
        data = checked_states(X, lengths)
        if data.frames.shape[1] != self.n_features_in_:
            raise DataError(
                f"X has {data.frames.shape[1]} features, but {type(self).__name__} is expecting "
                f"{self.n_features_in_} features as input"
            )
        names = unit_names(X)
        fitted = getattr(self, "feature_names_in_", None)
        if names is not None and fitted is not None and names.tolist() != fitted.tolist():
            raise DataError(
                "The feature names should match those that were passed during fit; give the "
                f"units {', '.join(fitted[:5])}{', ...' if len(fitted) > 5 else ''} in that order"
            )
        return data.like_input(self.reduction_.transform(data.frames), np.nan)

    def fit_transform(self, X: Any, y: Any = None, *, lengths: Any = None) -> Floats:
        """Fit the reducer to all frames and return their components.

        Parameters
        ----------
        X : array_like of shape (frame, unit) or (sequence, time, unit), or list of sequences
            States of a layer.
        y : object
            Ignored, as is usual for transformers.
        lengths : array_like of shape (sequence,), optional
            Steps of each sequence, where they differ.

        Returns
        -------
        ndarray of shape (frame, component) or (sequence, time, component)
            In the layout of the data, NaN past the end of a sequence.
        """
        return self.fit(X, y, lengths=lengths).transform(X, lengths=lengths)

    @property
    def inverse_transform(self) -> Any:
        """Method that takes components, in either layout, and returns the states of all units.

        Only reducers that can be inverted have it: ``pca``, ``ica`` and ``identity``.

        Returns
        -------
        callable
            Takes components and, for padded ones of different lengths, ``lengths``.
        """
        if self.kind not in list(REDUCERS) or not REDUCERS[self.kind].invertible:
            raise AttributeError(f"the reducer {self.kind!r} has no inverse_transform")
        return self._inverse_transform

    def _inverse_transform(self, X: Any, *, lengths: Any = None) -> Floats:
        self._check_is_fitted()
        if lengths is None and getattr(X, "ndim", 0) == 3:
            lengths = (~np.isnan(np.asarray(X)).all(axis=2)).sum(axis=1)
        data = observations.values(X, lengths, self.n_components_)
        return data.like_input(self.reduction_.inverse_transform(data.frames), np.nan)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return a name for each component.

        Parameters
        ----------
        input_features : array_like of str, optional
            Names of the units; only their number is checked.

        Returns
        -------
        ndarray of shape (component,)
            Kind and number, such as ``pca0``.

        Raises
        ------
        ValueError
            When there are more or fewer names than units.
        """
        self._check_is_fitted()
        if input_features is not None:
            fitted = getattr(self, "feature_names_in_", None)
            if fitted is not None and list(input_features) != fitted.tolist():
                raise ValueError("input_features is not equal to feature_names_in_")
            if len(input_features) != self.n_features_in_:
                raise ValueError(
                    f"input_features should have length equal to the number of units "
                    f"({self.n_features_in_}), found {len(input_features)}"
                )
        return np.array([f"{self.kind}{i}" for i in range(self.n_components_)], dtype=object)

    def _check_is_fitted(self) -> None:
        if not self.__sklearn_is_fitted__():
            from sklearn.exceptions import NotFittedError

            raise NotFittedError(f"this {type(self).__name__} is not fitted yet; call fit first")
