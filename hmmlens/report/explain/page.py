"""An explanation as one self-contained HTML file."""

from __future__ import annotations

import base64
import io
import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hmmlens import user_text
from hmmlens.io import pages
from hmmlens.report import style
from hmmlens.report.explain import gather, summary_lines
from hmmlens.report.explain.figures import layer as drawing
from hmmlens.report.explain.figures.network import name_pick
from hmmlens.report.explain.roles import DATASET, NETWORKS
from hmmlens.validation.grading.verdict import CERTIFIED, title

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hmmlens.report.explain.result import Explanation

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
img { max-width: 100%; }
table { border-collapse: collapse; font-size: 0.85rem; display: block; overflow-x: auto; }
th, td { padding: 0.2rem 0.6rem; border-bottom: 1px solid #ddd; }
th, td { text-align: right; white-space: nowrap; }
summary { font-size: 1.2rem; margin: 1.5rem 0; cursor: pointer; }
figcaption, .note { color: #555; font-size: 0.9rem; }
"""

#: Column -> heading.
HEADINGS = {
    "covariance_type": "covariance",
    "n_states": "states",
    "fidelity_select": "fidelity at the same step (select)",
    "fidelity_test": "fidelity at the same step (test)",
    "ari": "agreement (ARI)",
    "ari_low": "from",
    "ari_high": "to (95 %)",
}


def draw_figures(explanation: Explanation) -> Iterator[tuple[str, Figure, pd.DataFrame]]:
    """Draw every figure of the explained layer, as a study's report has them.

    Parameters
    ----------
    explanation : Explanation
        The explanation.

    Yields
    ------
    name, figure, source table
    """
    style.use()
    trained, untrained = explanation.layers["trained"], explanation.layers.get("untrained")
    fits = explanation.tables["fits"]
    tables = {
        **{
            name: gather.select_rows(table, network=NETWORKS["trained"])
            for name, table in explanation.tables.items()
            if "network" in table
        },
        "fits": pd.concat(
            [
                fits[fits["role"] == "trained"],
                gather.select_control_fits(fits, trained.choices, DATASET),
            ],
            ignore_index=True,
        ),
        "choices": trained.choices,
        "by_count": explanation.scores,
    }
    yield from drawing.draw_figures(
        drawing.read_task(trained.activations.to_dataset(), explanation.sequences),
        trained.states,
        untrained.states if untrained else None,
        {trained.reducer: trained.reduced["reduced"].to_numpy()},
        tables.get,
        str(explanation.choices["pick"].iloc[0]),
        np.nan,
        title(explanation.verdict["grade"], explanation.verdict.get("n_states", np.nan)),
        str(explanation.verdict["grade"]),
        explanation.futures,
    )


def render_figures(explanation: Explanation) -> dict[str, bytes]:
    """Return every figure as PNG.

    Parameters
    ----------
    explanation : Explanation
        The explanation.

    Returns
    -------
    dict of str to bytes
        Name of the figure -> PNG.
    """
    import matplotlib.pyplot as plt

    drawn = {}
    for name, figure, _ in draw_figures(explanation):
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=140)
        plt.close(figure)
        drawn[name] = buffer.getvalue()
    return drawn


def render_body(explanation: Explanation, images: Mapping[str, bytes]) -> str:
    """Return findings, figures and tables as a piece of HTML.

    Parameters
    ----------
    explanation : Explanation
        The explanation.
    images : mapping of str to bytes
        Name of a figure -> PNG.

    Returns
    -------
    str
        HTML.
    """
    shown = {name: _figure(name, image, images.values()) for name, image in images.items()}
    by_section = {
        section: [shown[name] for name in shown if drawing.LAYER[_kind(name)].section == section]
        for section in drawing.LAYER.sections
    }
    likelihood = by_section.pop(drawing.BY_LIKELIHOOD)
    evidence = by_section.pop(drawing.EVIDENCE)
    certified = explanation.verdict["grade"] == CERTIFIED
    heading = f"{'States' if certified else 'Regions'} of the explained model"
    described = [
        *_paragraphs(summary_lines.states(explanation)),
        *(figure for figures in by_section.values() for figure in figures),
    ]
    if certified:
        described = [f"<h2>{heading}</h2>", *described]
    else:
        # What is no finding does not stand in the way of what is one.
        described = [
            f"<details><summary>{heading}: a description, not a finding</summary>",
            *described, "</details>",
        ]  # fmt: skip
    lines = summary_lines.found(explanation)
    first = summary_lines.n_answering(lines)
    parts = [
        *_paragraphs(lines[:first]),
        *evidence,
        *_paragraphs(lines[first:]),
        *described,
        f"<h2>{summary_lines.BY_LIKELIHOOD}</h2>",
        *_paragraphs([summary_lines.by_likelihood(explanation)]),
        *likelihood,
    ]
    parts.append("<h2>Chosen models</h2>")
    pick = explanation.choices["pick"]
    meaning = pick.where(pick != "explained", "explained, as above")
    meaning = meaning.where(pick == "explained", pick.map(name_pick) + ", not the verdict")
    parts.append(_table(explanation.choices.assign(pick=meaning), "pick"))
    parts.append("<h2>All models</h2>")
    parts.append(_table(explanation.scores, "role"))
    parts.append(
        '<p class="note">A hidden Markov model is fitted to the recorded states of the trained '
        "network, which it does not change. Fidelity at the same step is the R² of the network's "
        "present output predicted from the present state of the model: 1 is perfect, 0 no better "
        "than the average output. The verdict does not rest on these models: it compares what the "
        "network itself does next from visited states, under the same recorded inputs. The "
        "explained model is the one whose states are shown: where states are certified, "
        "it has these; elsewhere it is the smallest that is nearly as faithful as the best. "
        "The adjusted Rand index (ARI) is 1 where states and truth agree and 0 by chance. The "
        "untrained control is the same network with its initial weights; raw input and lagged "
        "input are models of the input alone, without and with the inputs of earlier steps: "
        "agreement that these controls reach as well is no evidence that training built states. "
        "The input at a step takes the state from the step before to this one. The entropy of the "
        "next state, in bits, is estimated on sequences whose transitions were not counted. "
        "Mean dwell times assume geometrically distributed dwells, take visits into account that "
        "the end of a sequence cuts off, and never exceed the longest sequence. Inputs and outputs "
        "of states are given as deviations from the mean of all steps in standard deviations "
        "(SD); of symbols, shares of steps (of outputs: probabilities) in the state are compared "
        "with those in all other states (elsewhere). States are inferred from the past alone. "
        "Models are evaluated on sequences that no fit has used.</p>"
    )
    return "".join(parts)


def _kind(name: str) -> str:
    """Return the name in the registry of a figure, of which there may be several."""
    return name.split("-")[0]


def _figure(name: str, image: bytes, images: Collection[bytes]) -> str:
    """Return a figure with its caption; all figures have letters of one size, as they are drawn."""
    caption = drawing.LAYER[_kind(name)].caption
    data = base64.b64encode(image).decode()
    width = f"{_width(image) / max(_width(other) for other in images):.0%}"
    return (
        f'<figure><img alt="{name}" style="width: {width}" src="data:image/png;base64,{data}">'
        f"<figcaption>{user_text.html(caption)}</figcaption></figure>"
    )


def _paragraphs(lines: Iterable[str]) -> Iterator[str]:
    """Yield lines as paragraphs, those that begin with a dash as lists."""
    for listed, group in itertools.groupby(lines, lambda line: line.startswith("- ")):
        texts = [user_text.html(line.removeprefix("- ")) for line in group]
        if listed:
            yield f"<ul>{''.join(f'<li>{text}</li>' for text in texts)}</ul>"
        else:
            yield "".join(f"<p>{text}</p>" for text in texts)


def write_page(explanation: Explanation, path: Path, images: Mapping[str, bytes]) -> None:
    """Write the page; it appears under its name when it is whole, and replaces no other's file.

    Parameters
    ----------
    explanation : Explanation
        The explanation.
    path : Path
        The HTML file.
    images : mapping of str to bytes
        Name of a figure -> PNG.
    """
    title = f"What layer {user_text.html(explanation.layer)} holds"
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style></head><body><h1>{title}</h1>"
        f"{render_body(explanation, images)}</body></html>\n"
    )
    pages.write_page(path, page)


def _width(png: bytes) -> int:
    """Return how many pixels wide a PNG is; as its first chunk states."""
    return int.from_bytes(png[16:20], "big")


def _table(table: pd.DataFrame, first: str) -> str:
    """Return the columns that fit a page, named for a reader; all others are in the CSV files."""
    shown = [column for column in (first, *HEADINGS) if column in table]
    text: str = (
        user_text.lines(table[shown])
        .rename(columns=HEADINGS)
        .to_html(index=False, border=0, float_format="%.3f", na_rep="–")
    )
    return text
