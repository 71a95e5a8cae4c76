"""Settings of the analysis of what states of a model have to do with a network's dynamics."""

from __future__ import annotations

from dataclasses import dataclass

from hmmlens.validation.baselines.codebook import DEFAULT_CODEBOOKS, CodebookSettings
from hmmlens.validation.grading.recorded import DEFAULT_SETTINGS


@dataclass(frozen=True)
class StateSettings:
    """Numbers of runs, states and resamples, and the thresholds, of :func:`.states_and_dynamics`.

    Attributes
    ----------
    n_runs : tuple of int
        Runs for train, select and test.
    n_steps : int
        Steps of each run after its warm-up.
    n_components : int
        Principal components in which models are fitted.
    state_counts : tuple of int
        Numbers of states of the models, rising from 1.
    n_restarts : int
        Initialisations of each model.
    n_bootstrap : int
        Resamples of runs behind an interval.
    n_shifts : int
        Circular shifts of the model's states in time behind a p value.
    n_fidelity_steps : int
        Steps ahead over which models and k-means cells are compared with the network.
    n_frames, n_fidelity_noise : int
        Frames of each split whose future outputs are computed, and noise samples for each of them.
    tolerance : float
        Fidelity that the smallest faithful model may lack, as ``fidelity_tolerance`` of
        :class:`hmmlens.validation.grading.recorded.EvidenceSettings`.
    horizon, n_noise : int
        Steps after an intervention that are compared, and noise samples for each state.
    n_each : int
        States of the network that are sampled for each state of the model.
    n_steered : int
        States that are steered, over all pairs of the model's states.
    far : float
        States further out than this share of real ones count as off the manifold.
    ridge : float
        Ridge on the covariance of all units, as a share of their mean variance.
    min_probability : float
        Lower limit of forecast probabilities, so that no divergence is infinite.
    n_initial, n_exit_steps : int
        Initial states from which exits from a label are observed, and for how many steps.
    n_random_sets, set_size : int
        Random sets of units that are ablated, and their size where no kick units are given.
    n_resamples : int
        Resamples of runs behind the interval of a hazard, and permutations of sets behind a p
        value.
    codebook : CodebookSettings
        Settings of the k-means cells.
    """

    n_runs: tuple[int, int, int] = (48, 16, 16)
    n_steps: int = 200
    n_components: int = 8
    state_counts: tuple[int, ...] = tuple(range(1, 11))
    n_restarts: int = 3
    n_bootstrap: int = 500
    n_shifts: int = 200
    n_fidelity_steps: int = 5
    n_frames: int = 512
    n_fidelity_noise: int = 64
    tolerance: float = DEFAULT_SETTINGS.fidelity_tolerance
    horizon: int = 10
    n_noise: int = 32
    n_each: int = 48
    n_steered: int = 768
    far: float = 0.99
    ridge: float = 1e-3
    min_probability: float = 1e-6
    n_initial: int = 200
    n_exit_steps: int = 60
    n_random_sets: int = 24
    set_size: int = 3
    n_resamples: int = 1000
    codebook: CodebookSettings = DEFAULT_CODEBOOKS


DEFAULTS = StateSettings()
