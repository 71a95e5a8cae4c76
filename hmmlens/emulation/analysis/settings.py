"""Settings of the reverse engineering of one network, and of the pictures of it."""

from __future__ import annotations

from dataclasses import dataclass

from hmmlens.dynamics.minimisation import FixedPointSettings
from hmmlens.emulation.analysis.along_training import EvolutionSettings
from hmmlens.emulation.analysis.noise_sensitivity import NoiseSensitivitySettings
from hmmlens.emulation.analysis.orbits import OrbitSettings
from hmmlens.emulation.analysis.plateau.detection import OnsetSettings
from hmmlens.emulation.analysis.residency import ResidencySettings
from hmmlens.emulation.analysis.stochastic_resonance import ResonanceSettings
from hmmlens.emulation.analysis.subspaces import SubspaceSettings


@dataclass(frozen=True)
class PictureSettings:
    """Sizes of the data of figures.

    Attributes
    ----------
    n_silent, n_silent_steps : int
        Trajectories without noise, and their steps.
    n_driven : int
        Steps of the driven trajectory.
    n_rolled : int
        Rollouts from a point.
    n_contour_runs, n_contour_steps : int
        Runs and steps of contours.
    n_grid : int
        Cells along either axis of contours.
    """

    n_silent: int = 100
    n_silent_steps: int = 60
    n_driven: int = 500
    n_rolled: int = 20
    n_contour_runs: int = 32
    n_contour_steps: int = 300
    n_grid: int = 60


@dataclass(frozen=True)
class ReverseSettings:
    """Settings of :func:`hmmlens.emulation.analysis.pipeline.reverse_engineer` and ``pictures``.

    Attributes
    ----------
    n_runs, n_steps : int
        Runs of the main analyses, and their steps.
    n_each, n_each_gated : int
        States of each run whose residency is measured; of cells whose Jacobians take long.
    n_pair_runs, n_pair_steps : int
        Runs in which label pairs are searched, and their steps.
    pair_every : int
        Steps between rolled-out states in these runs.
    max_checkpoints : int
        Maximum number of checkpoints that are measured.
    n_starts : int
        Initial states of the search for fixed points.
    n_decaying : int
        States that run without noise.
    fixed_points : FixedPointSettings
        Settings of the search for fixed points.
    orbits : OrbitSettings
        Settings of orbits.
    residency : ResidencySettings
        Settings of residency times.
    sensitivity : NoiseSensitivitySettings
        Settings of the sensitivity to noise.
    subspaces : SubspaceSettings
        Settings of readouts and label pairs.
    resonance : ResonanceSettings
        Settings of stochastic resonance.
    evolution : EvolutionSettings
        Settings of the measures along the training.
    onset : OnsetSettings
        Settings of the onset of their rise.
    pictures : PictureSettings
        Sizes of the data of figures.
    """

    n_runs: int = 100
    n_steps: int = 400
    n_each: int = 20
    n_each_gated: int = 5
    n_pair_runs: int = 200
    n_pair_steps: int = 1000
    pair_every: int = 200
    max_checkpoints: int = 50
    n_starts: int = 64
    n_decaying: int = 200
    fixed_points: FixedPointSettings = FixedPointSettings()  # noqa: RUF009
    orbits: OrbitSettings = OrbitSettings()  # noqa: RUF009
    residency: ResidencySettings = ResidencySettings()  # noqa: RUF009
    sensitivity: NoiseSensitivitySettings = NoiseSensitivitySettings()  # noqa: RUF009
    subspaces: SubspaceSettings = SubspaceSettings()  # noqa: RUF009
    resonance: ResonanceSettings = ResonanceSettings()  # noqa: RUF009
    evolution: EvolutionSettings = EvolutionSettings()  # noqa: RUF009
    onset: OnsetSettings = OnsetSettings()  # noqa: RUF009
    pictures: PictureSettings = PictureSettings()
