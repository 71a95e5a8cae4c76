"""The numbers that a verdict rests on.

Each is one entry of :data:`NUMBERS`: a column of the table of verdicts and how it is measured. The
measurements, the rules (:mod:`hmmlens.validation.grading.rules`), the tables and the reports read
these entries, so that a new number is one function with the decorator :func:`number`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hmmlens.registry import Registry

if TYPE_CHECKING:
    from hmmlens.validation.grading.measurements import Measurements

Measure = Callable[["Measurements"], float]


class Number(NamedTuple):
    """A number of the verdict.

    Attributes
    ----------
    measure : callable
        Returns the number of one network from its measurements; NaN where it is unavailable.
    required : bool
        Whether :class:`Evidence` must be given the number; one that is not required is NaN where it
        is not given.
    thresholds : tuple of str
        The fields of :class:`hmmlens.validation.grading.rules.Thresholds` that the number is
        compared with.
    """

    measure: Measure
    required: bool
    thresholds: tuple[str, ...]


#: The numbers by the names of their columns, in the order of the columns.
NUMBERS: Registry[Number] = Registry("number of the verdict")


def number(
    name: str, *thresholds: str, label: str, required: bool = True
) -> Callable[[Measure], Measure]:
    """Return a decorator that registers the function that measures a number.

    Parameters
    ----------
    name : str
        The column in the table of verdicts.
    *thresholds : str
        The fields of :class:`hmmlens.validation.grading.rules.Thresholds` that the number is
        compared with.
    label : str
        The name in reports.
    required : bool, default=True
        False for a number that some networks have not, such as the number of endpoints; it is NaN
        where it is not given.

    Returns
    -------
    callable
        The decorator.
    """

    def _registered(measure: Measure) -> Measure:
        NUMBERS.register(name, label=label)(Number(measure, required, thresholds))
        return measure

    return _registered


class Evidence(Mapping[str, float]):
    """The numbers of one network, by name and in the order of :data:`NUMBERS`.

    Parameters
    ----------
    **numbers : float
        A value for each name of :data:`NUMBERS`; what is not required is NaN where it is missing.

    Raises
    ------
    TypeError
        When a number is missing, or a name is not that of a number.

    Examples
    --------
    >>> evidence = Evidence(
    ...     loss=0.01, marginal=1.0, floor=0.0, fidelity=0.98, fidelity_states=0.98, n_states=8,
    ...     resolution=8, elbow_output=11.0, elbow_components=5.0, flicker=0.0,
    ... )
    >>> evidence["fidelity"], evidence.gap_closed
    (0.98, 0.99)
    """

    def __init__(self, **numbers: float) -> None:
        missing = [name for name, one in NUMBERS.items() if one.required and name not in numbers]
        unknown = [name for name in numbers if name not in NUMBERS]
        if missing or unknown:
            wrong = [f"{name} is missing" for name in missing]
            wrong += [f"there is no number {name!r}" for name in unknown]
            raise TypeError(f"Evidence: {'; '.join(wrong)}")
        self._numbers = {name: numbers.get(name, np.nan) for name in NUMBERS}

    @property
    def gap_closed(self) -> float:
        """Return the share of the way from the marginal loss to the floor.

        Returns
        -------
        float
            The share of the way from the marginal loss to the floor.
        """
        return (self["marginal"] - self["loss"]) / (self["marginal"] - self["floor"])

    def replace(self, **numbers: float) -> Evidence:
        """Return the same evidence with other values of some numbers.

        Parameters
        ----------
        **numbers : float
            The new values by name.

        Returns
        -------
        Evidence
            The same evidence with other values of some numbers.
        """
        return Evidence(**self._numbers | numbers)

    def __getitem__(self, name: str) -> float:
        return self._numbers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def __repr__(self) -> str:
        return f"Evidence({', '.join(f'{name}={value!r}' for name, value in self.items())})"


@number("loss", "loss", "gap", label="test loss")
def _loss(measured: Measurements) -> float:
    """Return the test loss of the network; NaN where its task is not known."""
    return measured.losses.network


@number("marginal", label="test loss of the best constant answer")
def _marginal(measured: Measurements) -> float:
    """Return the test loss of the best constant answer."""
    return measured.losses.marginal


@number("fidelity", "fidelity", "most_states", label="R2 of few states")
def _few_states_fidelity(measured: Measurements) -> float:
    """Return the R2 of the output five steps ahead of the best codebook of few cells."""
    return measured.few_states_fidelity


@number("fidelity_states", "fidelity", label="R2 of the driven HMM")
def _states_fidelity(measured: Measurements) -> float:
    """Return the R2 five steps ahead of the input-driven HMM with ``n_states`` states."""
    return measured.states_fidelity


@number("n_states", label="states")
def _n_states(measured: Measurements) -> int:
    """Return the number of endpoints; without weights, the count with the highest elbow."""
    return measured.n_states


@number("resolution", label="fewest cells near the best fidelity")
def _resolution(measured: Measurements) -> int:
    """Return the fewest cells whose fidelity is within ``fidelity_tolerance`` of the best."""
    return measured.resolution


@number("elbow_output", "elbow_output", label="elbow of the output distribution (bits)")
def _elbow_output(measured: Measurements) -> float:
    """Return the elbow, in bits, of codebooks of the output distribution at ``n_states``."""
    return measured.elbow("output law")


@number("elbow_components", "elbow_components", label="elbow of the principal components (bits)")
def _elbow_components(measured: Measurements) -> float:
    """Return the elbow, in bits, of codebooks of the principal components at ``n_states``."""
    return measured.elbow("components")


@number("flicker", "flicker", label="share of steps without a clear state")
def _flicker(measured: Measurements) -> float:
    """Return the share of test steps in which no state has a high filtered probability."""
    return measured.best_fit.flicker


@number("floor", label="smallest possible test loss", required=False)
def _floor(measured: Measurements) -> float:
    """Return the smallest possible test loss; NaN where it is not known."""
    return measured.losses.floor


@number("n_endpoints", label="endpoints", required=False)
def _n_endpoints(measured: Measurements) -> float:
    """Return the number of endpoints; NaN where the weights are unknown."""
    return np.nan if measured.endpoints is None else measured.endpoints.n_coarse


@number("ratio", label="fine clusters of endpoints per coarse one", required=False)
def _ratio(measured: Measurements) -> float:
    """Return the number of fine clusters of endpoints for each coarse one."""
    return np.nan if measured.endpoints is None else measured.endpoints.ratio


@number("drift", label="drift of endpoints (rms of the output)", required=False)
def _drift(measured: Measurements) -> float:
    """Return how far 95 % of endpoints are from where they come back to later."""
    return np.nan if measured.endpoints is None else measured.endpoints.drift


def _of_futures(name: str, label: str, *thresholds: str) -> None:
    """Register a number of :func:`hmmlens.futures.summary.summarise`, NaN without futures."""

    @number(name, *thresholds, label=label, required=False)
    def _number(measured: Measurements) -> float:
        """Return the number of that name; NaN where futures are unknown."""
        return np.nan if measured.futures is None else measured.futures.numbers[name]


_of_futures("n_classes", "classes of futures", "share_of_sample")
_of_futures("within", "largest gap within a class (sd of the output)")
_of_futures("between", "smallest gap between classes (sd of the output)", "ratio", "weak_ratio")
_of_futures("points", "share of states in tight classes", "points")
_of_futures("ambiguity", "distance within a class, as a share of that to the next", "ambiguity")
_of_futures("n_compared", "states compared")
_of_futures("counts_output", "whether the present output counts")
_of_futures("memory", "spread of the futures (sd of the output)", "same")
_of_futures("chain", "spread over largest gap", "chain")
_of_futures("dimension", "dimension of the futures")
_of_futures("density", "unevenness of the density of states", "density")
_of_futures("forgets_after", "inputs after which the past is forgotten")
_of_futures("accuracy", "accuracy of the next class from class and input", "gain")
_of_futures("input_accuracy", "accuracy of the next class from the input alone", "gain")
_of_futures("moves", "accuracy of the next class where it changes", "moves")
_of_futures(
    "machine_20", "R2 of the machine of the classes 20 steps ahead", "machine", "exact_machine"
)
_of_futures("machine_worst", "the same for the output with the lowest", "worst_output")
