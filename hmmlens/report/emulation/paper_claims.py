"""Findings of Torre et al. (2025), and the numbers of a study that they are compared with.

Networks are numbered by target: chain2 to chain5 are the paper's linear chains of 2 to 5 states,
fully3 and cyclic4 its fully connected and cyclic models.
"""

from __future__ import annotations

from hmmlens.emulation.settings import CONVERGED, EPOCH
from hmmlens.report.emulation.paper_comparison import Claim, numbers, statement
from hmmlens.report.emulation.paper_entries import (
    above,
    converged,
    earliest,
    entry,
    kick_verdict,
    of_network,
    protocol_rate,
    quotient,
    region,
    score,
    single_switch,
    spread,
)
from hmmlens.report.emulation.paper_values import (
    all_states_decay,
    clusters_least_unstable,
    every_exit_has_kicks,
    n_fixed_points,
    rise_at_escape,
    rotates_one_way,
    size_power,
)

CODE = "the authors' public code"
FIGURES = "read from vector graphics in the authors' repository"
NOTES = "notes on the paper by others"
NAMES = "names of the weight files in the authors' repository"


CLAIMS: tuple[Claim, ...] = (
    *numbers(
        "emulation", "aligned distance", FIGURES, score("aligned distance"), "protocol",
        chain2=4.29, chain3=7.235, chain4=7.53, chain5=7.57,
    ),
    *numbers(
        "emulation", "aligned distance (paper's protocol)", FIGURES,
        entry("protocols_alignment", "distance"),
        chain2=4.29, chain3=7.235, chain4=7.53, chain5=7.57, fully3=1.43, cyclic4=3.20,
    ),
    *numbers(
        "emulation", "aligned distance over that of the target to itself", FIGURES,
        quotient(score("aligned distance"), score("aligned distance", "baseline")), "protocol",
        chain2=0.943, chain3=0.993, chain4=1.003, chain5=1.007, fully3=1.059, cyclic4=0.964,
    ),
    *numbers(
        "emulation", "aligned distance over that of the target to itself (paper's protocol)",
        FIGURES, entry("protocols_alignment", "ratio"),
        chain2=0.943, chain3=0.993, chain4=1.003, chain5=1.007, fully3=1.059, cyclic4=0.964,
    ),
    *numbers(
        "emulation", "largest transition error", f"{FIGURES}: 0.00 when rounded",
        score("largest transition error"),
        chain2=(0, 0.005), chain3=(0, 0.005), chain4=(0, 0.005), chain5=(0, 0.005),
        fully3=(0, 0.005), cyclic4=(0, 0.005),
    ),
    *numbers(
        "emulation", "loss over the floor",
        f"{NAMES}, over the floor that this library finds at the paper's batch and length",
        of_network("loss_ratio"), "scale",
        chain2=(0.85, 0.9), chain3=(0.98, 1.02), chain4=(0.99, 1.04), chain5=(0.99, 1.04),
        fully3=(1.01, 1.08), cyclic4=0.91,
    ),
    statement("dynamics", "without noise all states decay to a fixed point", NOTES,
              all_states_decay),
    *numbers(
        "dynamics", "fixed points without noise", f"{CODE}: taken as the mean of end states",
        n_fixed_points, chain2=1, chain3=1, chain4=1, chain5=1, fully3=1, cyclic4=1,
    ),
    *numbers(
        "dynamics", "variance of the first component", FIGURES,
        entry("reverse_orbits", measure="pc1"),
        chain2=0.563, chain3=(0.53, 0.54), chain4=(0.48, 0.49), chain5=0.449, fully3=0.536,
        cyclic4=0.428,
    ),
    *numbers(
        "dynamics", "variance of the second component", FIGURES,
        entry("reverse_orbits", measure="pc2"),
        chain2=0.136, chain3=0.16, chain4=0.17, chain5=0.154, fully3=0.267, cyclic4=0.276,
    ),
    statement("dynamics", "orbits go round one way", NOTES, rotates_one_way),
    *numbers(
        "dynamics", "power of the noise's standard deviation in the radius",
        f"{NOTES}: radius grows linearly with what the code takes as standard deviation",
        size_power, chain2=1.0, chain3=1.0, chain4=1.0, chain5=1.0,
    ),
    *numbers(
        "dynamics", "projection of the readout on the orbit's plane", FIGURES,
        entry("reverse_readout", "projection", symbol=-1),
        chain2=0.506, chain3=0.318, chain4=0.265, chain5=0.268,
    ),
    *numbers(
        "training", "update of the bifurcation", f"{FIGURES}, three updates an epoch",
        entry("reverse_onset", "update", measure="critical"), "scale",
        chain2=180, chain3=150, chain4=300, chain5=(990, 1050), fully3=330, cyclic4=300,
    ),
    statement("training", "critical pairs rise within 20 % of the update of the second drop",
              NOTES, rise_at_escape),
    *numbers(
        "training", "transition rate before any update", FIGURES, earliest("paper_rate"),
        "protocol", chain2=(0.6, 0.65), chain3=(0.6, 0.65), chain4=(0.6, 0.66), chain5=(0.6, 0.68),
        fully3=0.8, cyclic4=0.67,
    ),
    *numbers(
        "training", "transition rate after epoch 1 (paper's protocol)", FIGURES,
        protocol_rate(EPOCH), chain2=(0.6, 0.65), chain3=(0.6, 0.65), chain4=(0.6, 0.66),
        chain5=(0.6, 0.68), fully3=0.8, cyclic4=0.67,
    ),
    *numbers(
        "training", "transition rate when converged", FIGURES, converged("paper_rate"),
        "protocol", chain2=0.047, chain3=(0.107, 0.114), chain4=(0.1, 0.12), chain5=0.08,
        fully3=0.107, cyclic4=0.088,
    ),
    *numbers(
        "training", "transition rate when converged (paper's protocol)", FIGURES,
        protocol_rate(CONVERGED), chain2=0.047, chain3=(0.107, 0.114), chain4=(0.1, 0.12),
        chain5=0.08, fully3=0.107, cyclic4=0.088,
    ),
    *numbers(
        "training", "steps with a critical pair, when converged", FIGURES, converged("critical"),
        chain2=(0.1, 0.17), chain3=0.28, chain4=0.33, chain5=0.25, fully3=0.18, cyclic4=0.1,
    ),
    *numbers(
        "training", "steps with an unstable direction, when converged", FIGURES,
        converged("unstable"),
        chain2=(0.3, 0.35), chain3=0.14, chain4=(0.08, 0.11), chain5=(0.15, 0.2), fully3=0.3,
        cyclic4=0.25,
    ),
    *numbers(
        "regions", "sign changes in clusters", NOTES, region("sign_changes", "cluster"),
        chain2=(5, 20), chain3=(5, 20), chain4=(5, 20), chain5=(5, 20),
    ),
    *numbers(
        "regions", "sign changes in kick zones", NOTES, region("sign_changes", "kick"),
        chain2=(2, 4), chain3=(2, 4), chain4=(2, 4), chain5=(2, 4),
    ),
    *numbers(
        "regions", "sign changes in transitions", NOTES, region("sign_changes", "transition"),
        chain2=(0, 1), chain3=(0, 1), chain4=(0, 1), chain5=(0, 1),
    ),
    *numbers("regions", "unstable directions in transitions", FIGURES,
             region("n_unstable", "transition"), chain2=(0.25, 0.48)),
    *numbers("regions", "unstable directions in kick zones", FIGURES,
             region("n_unstable", "kick"), chain2=(0.19, 0.22)),
    *numbers("regions", "unstable directions in clusters", FIGURES,
             region("n_unstable", "cluster"), chain2=(0.13, 0.14)),
    statement("regions", "clusters have the fewest unstable directions",
              f"{NOTES}; so it is in 8 of 9 of the figures in the repository",
              clusters_least_unstable),
    statement("regions", "kick zones have more unstable directions than transitions",
              f"{NOTES}; so it is in 4 of 9 of the figures in the repository",
              above(region("n_unstable", "kick"), region("n_unstable", "transition"))),
    *numbers(
        "noise", "spread from the cluster over that from the kick zone", f"{FIGURES}: trace of the "
        "covariance after 5 steps of fresh noise", quotient(spread("cluster"), spread("kick")),
        "protocol", chain2=1.59, chain3=1.32, chain4=1.52, chain5=1.17,
    ),
    *numbers(
        "noise", "spread from the cluster over that from the kick zone at the longest dwell "
        "(paper's protocol)", f"{FIGURES}: trace of the covariance after 5 steps of fresh noise",
        single_switch, chain2=1.59, chain3=1.32, chain4=1.52, chain5=1.17,
    ),
    *numbers(
        "pairs of labels", "variance of the first component within a pair", FIGURES,
        entry("reverse_pairs", "pc1"), fully3=(0.776, 0.856), cyclic4=(0.64, 0.707),
    ),
    statement("kick units", "every exit has kick units", f"{CODE}: chosen by hand, in one network",
              every_exit_has_kicks),
    statement("kick units", "without them the network stays in its cluster", NOTES,
              kick_verdict("g1"), "chain2"),
    *numbers(
        "kick units", "critical pairs without them over those with them", FIGURES,
        quotient(entry("kicks_critical", "pairs", of="drive", factor=0.0),
                 entry("kicks_critical", "pairs", of="drive", factor=1.0)),
        chain2=(0.17, 0.81),
    ),
    *numbers(
        "kick units", "critical pairs without the noise of their inputs over those with it",
        FIGURES,
        quotient(entry("kicks_critical", "pairs", of="noise", factor=0.0),
                 entry("kicks_critical", "pairs", of="noise", factor=1.0)),
        chain2=(0.18, 0.64),
    ),
)  # fmt: skip
