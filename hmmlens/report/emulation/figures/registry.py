"""Every figure of a study of emulating networks, from its tables and its networks' pictures."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from hmmlens.report.emulation.acceptance import WHO
from hmmlens.report.emulation.figures import (
    along_training,
    kick_planes,
    kick_shares,
    kick_tests,
    kicks,
    label_pairs,
    metrics,
    noise,
    objectives,
    orbits,
    plateaus,
    residency,
    stacked_panels,
    states,
    training,
    trajectories,
)
from hmmlens.report.emulation.figures.common import examples
from hmmlens.report.emulation.paper_comparison import compared
from hmmlens.study.layout import STEPS, Job

#: What a figure is drawn from: a figure and what it shows, or None where there is nothing to show.
Drawing = Callable[..., tuple[Figure, pd.DataFrame] | None]


class Plan(NamedTuple):
    """How one figure is made.

    draw : takes the tables in the order given
    needs : tables without which there is no figure
    may : tables that are without rows where the study has none
    """

    draw: Drawing
    needs: tuple[str, ...]
    may: tuple[str, ...] = ()


#: Figure -> plan, in the order of the report.
PLANS = {
    "targets": Plan(training.targets, ("targets",)),
    "losses": Plan(training.losses, ("networks", "trained_history"), ("trained_plateau",)),
    "metrics": Plan(metrics.metrics, ("networks", "scores_metrics"), ("paper",)),
    "stricter": Plan(metrics.stricter, ("networks", "scores_metrics")),
    "network_sizes": Plan(metrics.network_sizes, ("networks", "scores_metrics")),
    "stability": Plan(training.stability, ("networks", "scores_stability")),
    "trajectories": Plan(
        trajectories.trajectories, ("networks", "pictures/silent", "pictures/driven")
    ),
    "contours": Plan(trajectories.contours, ("networks", "pictures/contours", "reverse_sizes")),
    "orbits": Plan(orbits.orbits, ("networks", "reverse_orbits"), ("reverse_readout", "paper")),
    "stack": Plan(stacked_panels.stack, ("networks", "pictures/stack"), ("reverse_onset",)),
    "evolution": Plan(
        along_training.evolution,
        ("networks", "reverse_evolution", "trained_history"),
        ("trained_plateau", "reverse_onset", "paper"),
    ),
    "second_order": Plan(
        stacked_panels.second_order,
        ("networks", "reverse_second_order"),
        ("trained_plateau", "reverse_onset"),
    ),
    "evolution_all": Plan(
        along_training.evolution_all, ("networks", "trained_plateau", "reverse_onset")
    ),
    "residency": Plan(residency.residency, ("networks", "pictures/states")),
    "regions": Plan(residency.regions, ("networks", "reverse_regions"), ("paper",)),
    "sensitivity": Plan(residency.sensitivity, ("networks", "reverse_sensitivity"), ("paper",)),
    "rollouts": Plan(trajectories.rollouts, ("networks", "pictures/rollouts")),
    "kick_levels": Plan(kicks.kick_levels, ("networks", "kicks_levels")),
    "kick_activity": Plan(kicks.kick_activity, ("networks", "kicks_activity")),
    "kick_weights": Plan(kicks.kick_weights, ("networks", "kicks_blocks", "kicks_connectivity")),
    "kick_planes": Plan(
        kick_planes.kick_planes, ("networks", "kicks_kicks", "kicks_plane"), ("kicks_paths",)
    ),
    "kick_effects": Plan(kick_tests.kick_effects, ("networks", "kicks_kicks"), ("kicks_gated",)),
    "kick_doses": Plan(
        kick_tests.kick_doses,
        ("kicks_dose",),
        ("kicks_critical", "kicks_noise_cut", "kicks_repeat", "paper"),
    ),
    "kick_prevalence": Plan(kick_shares.kick_prevalence, ("networks", "kicks_kicks")),
    "kick_gates": Plan(kick_shares.kick_gates, ("kicks_gates",)),
    "pair_orbits": Plan(label_pairs.pair_orbits, ("networks", "pictures/longest", "reverse_pairs")),
    "pairs": Plan(label_pairs.pairs, ("networks", "reverse_pairs")),
    "state_regions": Plan(
        states.state_regions,
        ("networks", "states_counts", "states_states", "states_information"),
    ),
    "state_transitions": Plan(states.state_transitions, ("states_counts", "states_transitions")),
    "state_interventions": Plan(
        states.state_interventions,
        ("networks", "states_counts", "states_interchange", "states_steering"),
        ("states_silencing",),
    ),
    "bias": Plan(objectives.bias, ("bias_summary", "bias_best_factor")),
    "objectives": Plan(
        objectives.objectives,
        ("networks", "scores_metrics", "reverse_orbits"),
        ("kicks_verdict",),
    ),
    "noise_strength": Plan(
        noise.noise_strength, ("networks", "reverse_sizes", "reverse_noise_sweep")
    ),
    "resonance": Plan(noise.resonance, ("networks", "reverse_resonance")),
    "plateau_runs": Plan(plateaus.plateau_runs, ("networks", "trained_plateau", "trained_history")),
    "plateau_lengths": Plan(plateaus.plateau_lengths, ("networks", "trained_plateau")),
    "escape": Plan(plateaus.escape, ("trained_escape",)),
}

#: Figure -> caption, in the order of the report.
CAPTIONS = {
    name: caption
    for module in (
        training,
        metrics,
        trajectories,
        orbits,
        stacked_panels,
        along_training,
        residency,
        kicks,
        kick_planes,
        kick_tests,
        kick_shares,
        label_pairs,
        states,
        objectives,
        noise,
        plateaus,
    )
    for name, caption in module.CAPTIONS.items()
}
#: Tables that are read from the folders of the networks shown, for they are not gathered.
PICTURES = "pictures/"


def draw(
    tables: Path, results: Path, told: Collection[Job] | None = None
) -> Iterator[tuple[str, Figure, pd.DataFrame]]:
    """Yield name, figure and what it shows, for all figures that the study has tables for.

    Parameters
    ----------
    tables : folder of what is gathered, see :mod:`hmmlens.report.emulation.pipeline`.
    results : folder of the study, with the networks' pictures.
    told : the jobs whose pictures are read; by default all that lie there.
    """

    @cache
    def read(name: str) -> pd.DataFrame | None:
        if name.startswith(PICTURES):
            networks = read("networks")
            return None if networks is None else pictures(results, networks, name, told)
        path = tables / f"{name}.csv"
        table = pd.read_csv(path) if path.exists() else None
        networks = read("networks") if name == "paper" else None
        return table if table is None or networks is None else beside(table, networks)

    for name, plan in PLANS.items():
        given: list[Any] = [read(table) for table in plan.needs]
        if any(table is None or table.empty for table in given):
            continue
        for table in plan.may:
            found = read(table)
            given.append(pd.DataFrame() if found is None else found)
        drawn = plan.draw(*given)
        if drawn is not None:
            yield name, *drawn


def beside(paper: pd.DataFrame, networks: pd.DataFrame) -> pd.DataFrame:
    """Return the paper's numbers of targets for which there are trainings to compare with them."""
    targets = compared(networks, "")["target"]
    return paper[paper["target"].isna() | paper["target"].isin(targets)]


def pictures(
    results: Path, networks: pd.DataFrame, name: str, told: Collection[Job] | None = None
) -> pd.DataFrame | None:
    """Return a table of pictures of the example of each target, None where there is none.

    Of a target's trainings the first that has pictures is its example.
    """
    asked = [
        Job(STEPS["reverse"], (str(row.network), str(row.seed))) for row in networks.itertuples()
    ]
    paths = [results / job.outputs[0] / f"{name}.csv" for job in asked]
    some = [
        path.exists() and (told is None or job in told)
        for job, path in zip(asked, paths, strict=True)
    ]
    parts = [
        pd.read_csv(row["path"]).assign(**row[WHO].to_dict())
        for _, row in examples(networks.assign(path=paths).loc[some]).iterrows()
    ]
    return pd.concat(parts, ignore_index=True) if parts else None
