"""Settings of the analysis of kick units."""

from __future__ import annotations

from dataclasses import dataclass

DoseFactors = tuple[tuple[str, tuple[float, ...]], ...]


@dataclass(frozen=True)
class KickSettings:
    """Numbers of runs, sets and resamples, and the thresholds, of :func:`.kick_analysis`.

    Attributes
    ----------
    n_runs, n_steps : int
        Runs of the unperturbed network in which exits are searched for, and steps of each.
    n_cluster : int
        Steps before an exit: more than this are the cluster, fewer the kick zone, and the last step
        before it the transition.
    min_rise : float
        Standard deviations by which a candidate's level rises from the cluster to the transition.
    n_before, n_after : int
        Steps before an exit at which its replay starts, and steps from it on whose margin counts.
    max_exits : int
        Exits that are replayed, at most.
    max_candidates : int
        Candidates of each exit that are kept, the first by gradient.
    n_pool_runs, n_pool_steps : int
        Runs that initial states are sampled from, and steps of each after its warm-up.
    horizon : int
        Steps in which an exit may come.
    n_screening : int
        Initial states from which all candidates are ablated.
    n_finalists, n_racing : int
        Candidates that are compared once more, and initial states for that.
    n_held_out : int
        Initial states on which the size of a group is chosen.
    min_units, max_units : int
        Smallest and largest size of a group.
    sufficient_reduction : float
        Reduction of the hazard at which no larger group is searched for. Gated ablation reduces the
        rate of all switches by about half of that.
    n_sets, n_pairs : int
        Sets of each null, of one group and of all groups together.
    n_initial, n_effect : int
        Initial states on which a group is compared with sets, and on which its effect is measured.
    n_near : int
        Other units of the same kind, one of which replaces each unit of a matched set.
    n_spare : int
        Matched sets that are sampled for each one that is kept.
    n_inputs : int
        Inputs of each kick unit, the strongest, whose noise is ablated.
    n_gated_runs, n_gated_steps : int
        Runs in which all switches are counted, and steps of each.
    n_bootstrap : int
        Resamples of initial states or runs behind an interval.
    n_noise_sets, n_gate_sets, n_permutations : int
        Sets that ablated noise and a clamped gate are compared with, and permutations of weights.
    n_gate_states : int
        States of a cluster over which gates are averaged.
    factors : tuple of float
        Factors of the dose response. Beyond 1.5 states may diverge, see the Lyapunov exponent.
    stability_factors : tuple of float
        Factors on the drive, of ``factors``, at which the Lyapunov exponent is estimated.
    critical_factors : tuple of (str, tuple of float)
        Factors other than 1 at which critical pairs are counted, for each thing that is multiplied.
    critical_imaginary : float
        Imaginary part above which a pair of eigenvalues rotates (Torre et al. 2025, ablations).
    n_each : int
        States of each run whose region is estimated.
    n_lags : int
        Steps before and after a switch in the averages around switches.
    n_spectra : int
        Switches of each exit at which spectra are computed, for each factor.
    integrator_share : float
        Share of all units that are integrators of a pair of exits; 70 of 150 in Torre et al. 2025.
    n_shown, n_paths, n_path_steps : int
        Runs in the plane of the first two components, paths with factors, and their steps.
    path_factors : tuple of float
        Factors on the drive along paths.
    min_reduction, max_p_matched, max_p_selective : float
        A group is one of kick units if the lower end of its reduction is at least the first, and
        its p values compared with matched and with selective sets are at most the others.
    negligible_reduction : float
        The tables give the share of sets with at most this reduction.
    min_gated, max_p_gated, max_median_gated : float
        Criterion G1: reduction of the rate of switches by gated ablation, its largest p value, and
        the largest median reduction of the matched sets.
    min_three, max_p_three : float
        Criterion G2: reduction by ablation of three units for every exit, and its largest p value.
    """

    n_runs: int = 96
    n_steps: int = 400
    n_cluster: int = 8
    min_rise: float = 0.5
    n_before: int = 8
    n_after: int = 6
    max_exits: int = 400
    max_candidates: int = 24
    n_pool_runs: int = 96
    n_pool_steps: int = 100
    horizon: int = 90
    n_screening: int = 200
    n_finalists: int = 6
    n_racing: int = 600
    n_held_out: int = 600
    min_units: int = 3
    max_units: int = 10
    sufficient_reduction: float = 0.6
    n_sets: int = 200
    n_pairs: int = 100
    n_initial: int = 250
    n_effect: int = 1000
    n_near: int = 15
    n_spare: int = 10
    n_inputs: int = 20
    n_gated_runs: int = 100
    n_gated_steps: int = 200
    n_bootstrap: int = 1000
    n_noise_sets: int = 100
    n_gate_sets: int = 100
    n_permutations: int = 200
    n_gate_states: int = 4000
    factors: tuple[float, ...] = tuple(i / 10 for i in range(21))
    stability_factors: tuple[float, ...] = (0.0, 0.5, 1.0, 1.5, 2.0)
    critical_factors: DoseFactors = (
        ("drive", (0.0, 0.5, 1.5)),
        ("noise", (0.0, 1.5)),
        ("control", (0.0, 1.5)),
    )
    critical_imaginary: float = 0.06
    n_each: int = 10
    n_lags: int = 15
    n_spectra: int = 12
    integrator_share: float = 70 / 150
    n_shown: int = 8
    n_paths: int = 3
    n_path_steps: int = 60
    path_factors: tuple[float, ...] = (0.0, 1.0, 1.9)
    min_reduction: float = 0.25
    max_p_matched: float = 0.01
    max_p_selective: float = 0.05
    negligible_reduction: float = 0.1
    min_gated: float = 0.45
    max_p_gated: float = 0.01
    max_median_gated: float = 0.1
    min_three: float = 0.5
    max_p_three: float = 0.01


#: Those of Torre et al. 2025 where they state them.
DEFAULTS = KickSettings()
