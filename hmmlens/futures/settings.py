"""Settings of the measurement of futures and thresholds of its rules."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FutureSettings:
    """Settings of the comparison of futures.

    Attributes
    ----------
    n_states : int
        Visited hidden states that are compared.
    most_states : int
        Number of them to which the sample grows where collisions suggest many classes.
    n_continuations : int
        Recorded windows of input that continue each of them.
    n_steps : int
        Steps of a continuation, at most; half of a sequence where that is less.
    min_members : int
        States that make a class.
    neighbours : int
        Neighbours behind the core distance of the single linkage.
    coverage : float
        Share of the states that must lie in classes.
    resolution : float
        Smallest distance that counts, as a share of the standard deviation of the output.
    spread : float
        Smallest distance, in the same unit, that separates two classes.
    n_draws : int
        Draws of the noise over which the futures of a stochastic network are averaged.
    n_paths : int
        Sequences whose every state is assigned to a class.
    n_suffixes : int
        Continuations that assign them, at most.
    n_resamples : int
        Resamples of the interval of the number of classes.
    same : float
        Largest distance, in standard deviations of the output, at which futures are the same.
    weak_ratio : float
        Smallest ratio of a plateau from which classes are described.
    split_ratio : float
        Smallest ratio of a plateau along one continuation that splits a class.
    n_tries : int
        Splits that are tried in turn, the one with the widest gap first.
    split_below : float
        R2 of the machine at 20 steps below which splits are tried.
    split_gain : float
        Smallest gain of that R2 for which a split is kept.
    """

    n_states: int = 300
    most_states: int = 900
    n_continuations: int = 32
    n_steps: int = 30
    min_members: int = 4
    neighbours: int = 3
    coverage: float = 0.95
    resolution: float = 0.01
    spread: float = 0.25
    n_draws: int = 8
    n_paths: int = 60
    n_suffixes: int = 8
    n_resamples: int = 10
    same: float = 0.15
    weak_ratio: float = 1.5
    split_ratio: float = 2.5
    n_tries: int = 3
    split_below: float = 0.95
    split_gain: float = 0.01


DEFAULT = FutureSettings()
