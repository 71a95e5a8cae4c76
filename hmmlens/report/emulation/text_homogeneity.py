"""Sentences on what follows from units that scale, and on noise where they do not."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from hmmlens.report.emulation.paper_networks import objectives_of
from hmmlens.report.wording import count, estimate, listed, span
from hmmlens.rnn.equations import CELLS, EMULATING
from hmmlens.stats.paired import student
from hmmlens.stats.shares import share

#: Tables of :mod:`hmmlens.emulation.analysis.stochastic_resonance` and
#: :mod:`hmmlens.emulation.analysis.orbits` in a study.
EXACT, SWEEP, RESONANCE, SIZES = (
    "reverse_homogeneity", "reverse_noise_sweep", "reverse_resonance", "reverse_sizes",
)  # fmt: skip
#: A network scales when it deviates by no more, as a share of its states' size: what double
#: precision leaves after some hundred steps.
ROUNDING = 1e-6
#: What measures of regularity are called.
REGULARITY = {
    "dwell_cv": "coefficient of variation of dwells",
    "cycle_cv": "coefficient of variation of cycles",
    "coherence": "coherence of switching",
}
#: Fewest networks over which a gain is distinguished from chance.
FEWEST = 3
WHO = ["network", "seed"]


def kind(row: Mapping[str, object]) -> str:
    """Return the kind of network that a row of the table of networks is about.

    Networks of different objectives are of different kinds.

    Parameters
    ----------
    row : mapping of str to object
        Row of the table of networks.

    Returns
    -------
    str
        Name of the kind.
    """
    name = CELLS.label(EMULATING[str(row["cell"])])
    leaky = f", leak {row['leak']:g}" if float(str(row["leak"])) != 1 else ""
    trained = objectives_of(pd.DataFrame([row]))
    by = "" if trained == "sinkhorn" else f", objective {trained}"
    return f"{name} {'with' if row['bias'] else 'without'} biases{leaky}{by}"


def sentences(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """Return the answer on homogeneity: the identity, where it fails, and resonance.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        ``networks``, and those of :data:`EXACT`, :data:`SWEEP`, :data:`RESONANCE` and
        :data:`SIZES`. Tables may be missing.

    Returns
    -------
    list of str
        Sentences; empty where the study does not address the question.
    """
    if "networks" not in tables:
        return []
    kinds = tables["networks"][WHO].assign(
        kind=[kind(row) for row in tables["networks"].to_dict("records")]
    )

    def _of(name: str) -> pd.DataFrame:
        if name not in tables:
            return pd.DataFrame(columns=[*WHO, "kind"])
        return tables[name].merge(kinds, on=WHO)

    answer: list[str] = []
    exact, sizes = _of(EXACT), _of(SIZES)
    if len(exact):
        by_design = exact["by_design"].astype(bool)
        if by_design.any():
            answer.append(identity(exact[by_design]))
        answer += [
            broken(name, rows, sizes[sizes["kind"] == name])
            for name, rows in exact[~by_design].groupby("kind", sort=False)
        ]
    answer += [rates(name, rows) for name, rows in _of(SWEEP).groupby("kind", sort=False)]
    answer += [resonant(name, rows) for name, rows in _of(RESONANCE).groupby("kind", sort=False)]
    return answer


def identity(rows: pd.DataFrame) -> str:
    """Return whether networks that scale by construction do so in fact.

    Parameters
    ----------
    rows : DataFrame
        Rows of the table ``reverse_homogeneity`` of networks that scale by construction.

    Returns
    -------
    str
        One sentence or two.
    """
    n = len(rows.drop_duplicates(WHO))
    far, same = float(rows["deviation"].max()), float(rows["same_labels"].min())
    factors = f"{rows['factor'].min():g} to {rows['factor'].max():g}"
    text = (
        f"In {count(n, 'ReLU network')} without biases noise times {factors} gives states times "
        f"the same: the largest deviation is {far:.1g} of their size, and {_percent(same)} of "
        "steps keep their label"
    )
    if far <= ROUNDING:
        return text + (
            ". So that orbits grow with the noise and that switching does not depend on it are "
            "identities of these units, true of untrained weights too, and no finding."
        )
    return text + ", which is not what the identity says: something in them does not scale."


def broken(name: str, rows: pd.DataFrame, sizes: pd.DataFrame) -> str:
    """Return how far networks of a kind are from scaling, and how their orbits grow.

    Parameters
    ----------
    name : str
        Kind of network, see :func:`kind`.
    rows : DataFrame
        Its rows of the table ``reverse_homogeneity``.
    sizes : DataFrame
        Its rows of the table ``reverse_sizes``.

    Returns
    -------
    str
        One sentence.
    """
    n = len(rows.drop_duplicates(WHO))
    far, same = rows.groupby(WHO)["deviation"].max(), rows.groupby(WHO)["same_labels"].min()
    text = (
        f"{name} ({count(n, 'network')}): states deviate from scaling by up to "
        f"{span(far)} times their size, and {span(100 * same, 1)} % of steps keep their label at "
        "the factor that changes most"
    )
    powers = [
        float(np.polyfit(np.log(part["noise_sd"]), np.log(part["radius"]), 1)[0])
        for _, part in sizes[sizes["radius"].gt(0)].groupby(WHO)
        if len(part) > 1
    ]
    if not powers:
        return text + "."
    found = student(powers)
    end = "1 would be in proportion"
    if np.isfinite(found.low):
        end += ", which is not excluded" if found.low <= 1 <= found.high else ", which is excluded"
    return (
        f"{text}; the radius of orbits grows as the noise to the power {estimate(*found)}: {end}."
    )


def rates(name: str, rows: pd.DataFrame) -> str:
    """Return how switching changes from the weakest noise of the sweep to the strongest.

    Parameters
    ----------
    name : str
        Kind of network.
    rows : DataFrame
        Its rows of the table ``reverse_noise_sweep``.

    Returns
    -------
    str
        One sentence.
    """
    switching = rows[rows["measure"] == "switching_rate"]
    wide = switching.pivot_table(index=WHO, columns="noise_sd", values="value")
    least, most = wide.columns.min(), wide.columns.max()
    change = (wide.max(axis=1) - wide.min(axis=1)) / wide.mean(axis=1)
    lo, hi = (student(wide[column]) for column in (least, most))
    text = (
        f"{name}: labels switch {estimate(*lo, 4)} times a step on noise of {least:g} and "
        f"{estimate(*hi, 4)} on noise of {most:g} (n = {len(wide)}); over the sweep the rate "
        f"varies by {span(100 * change, 1)} % of its mean"
    )
    return text + (", that is, not at all." if change.max() == 0 else ".")


def resonant(name: str, rows: pd.DataFrame) -> str:
    """Return in how many networks switching is most regular at an intermediate noise.

    Parameters
    ----------
    name : str
        Kind of network.
    rows : DataFrame
        Its rows of the table ``reverse_resonance``.

    Returns
    -------
    str
        One sentence.
    """
    parts, clear = [], []
    for measure, words in REGULARITY.items():
        known = rows[(rows["measure"] == measure) & rows["gain"].notna()]
        if known.empty:
            continue
        found = int(known["resonant"].astype(bool).sum())
        gain = student(known["gain"])
        parts.append(f"by the {words} in {found} of {len(known)} (gain {estimate(*gain, 3)})")
        if len(known) >= FEWEST and gain.low > 0:
            clear.append(f"the {words}")
    if not parts:
        return (
            f"{name}: too few strengths of noise make the network switch often enough to ask for "
            "a resonance."
        )
    text = f"{name}: switching is more regular at some middling noise than at both ends, " + listed(
        parts
    )
    # The measures of one network are no trials of their own.
    hit = rows[rows["gain"].notna()].groupby(WHO)["resonant"].any()
    if not hit.any():
        most = share(0, len(hit)).high
        return text + f": no sign of a resonance (by any, at most {_percent(most)} of networks)."
    if clear:
        return text + f": over networks the gain by {listed(clear)} is above 0, a resonance."
    if len(hit) < FEWEST:
        return text + ": a sign of a resonance, in too few networks to tell it from chance."
    return text + ": no gain is above 0 over networks, so chance may have given these."


def _percent(value: float) -> str:
    text = f"{100 * value:.1f}".removesuffix(".0")
    return f"{text} %"
