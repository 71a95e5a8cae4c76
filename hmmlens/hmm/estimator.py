"""The protocol of scikit-learn's estimators, without an import of scikit-learn.

``sklearn.base.clone``, ``GridSearchCV``, ``Pipeline`` and the rest need ``get_params``,
``set_params`` and tags. A class that stores the arguments of its constructor unchanged, under their
own names, gets them from :class:`Estimator`.
"""

from __future__ import annotations

import inspect
from typing import Any, Self

import numpy as np


class Estimator:
    """Access to the arguments of the constructor, for scikit-learn's tools."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the arguments of the constructor.

        Parameters
        ----------
        deep : bool, default=True
            Not used: no argument is an estimator.

        Returns
        -------
        dict
            Values by name.
        """
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def set_params(self, **params: Any) -> Self:
        """Set arguments of the constructor.

        Parameters
        ----------
        **params : object
            New values by name.

        Returns
        -------
        self
            The estimator.

        Raises
        ------
        ValueError
            When the constructor has no such argument.
        """
        known = inspect.signature(type(self)).parameters
        for name, value in params.items():
            if name not in known:
                raise ValueError(f"{name!r} is no parameter of {type(self).__name__}")
            setattr(self, name, value)
        return self

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags; only its own tools, which have imported it, call this."""
        from sklearn.base import BaseEstimator

        return BaseEstimator().__sklearn_tags__()

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self)).parameters
        changed = [
            f"{name}={value!r}"
            for name, value in self.get_params().items()
            if not _is_default(value, defaults[name].default)
        ]
        return f"{type(self).__name__}({', '.join(changed)})"


def not_fitted(estimator: object, what: str) -> Exception:
    """Return scikit-learn's error of an estimator that was not fitted.

    Parameters
    ----------
    estimator : object
        The estimator.
    what : str
        What is missing, and how to get it.

    Returns
    -------
    sklearn.exceptions.NotFittedError
        To be raised.
    """
    from sklearn.exceptions import NotFittedError

    error: Exception = NotFittedError(f"this {type(estimator).__name__} has no {what}")
    return error


def _is_default(value: Any, default: Any) -> bool:
    parts = value if isinstance(value, tuple) else (value,)
    return value is default or (all(np.ndim(part) == 0 for part in parts) and value == default)
