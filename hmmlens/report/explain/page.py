"""An explanation as one HTML file that needs no other: figures are inside."""

from __future__ import annotations

import base64
import io
import itertools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hmmlens import user_text
from hmmlens.io import pages
from hmmlens.report import style
from hmmlens.report.explain import gather
from hmmlens.report.explain.figures import layer as drawing
from hmmlens.report.explain.roles import DATASET
from hmmlens.validation.verdict import title

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hmmlens.report.explain.result import Explanation

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
img { max-width: 100%; }
table { border-collapse: collapse; font-size: 0.85rem; display: block; overflow-x: auto; }
th, td { padding: 0.2rem 0.6rem; border-bottom: 1px solid #ddd; }
th, td { text-align: right; white-space: nowrap; }
figcaption, .note { color: #555; font-size: 0.9rem; }
"""

#: Column -> what stands above it.
HEADINGS = {
    "covariance_type": "covariance",
    "n_states": "states",
    "fidelity_select": "fidelity, same step (select)",
    "fidelity_test": "fidelity, same step (test)",
    "ari": "agreement (ARI)",
    "ari_low": "from",
    "ari_high": "to (95 %)",
}

CAPTIONS = {
    "selection": "BIC against the number of states; points are restarts.",
    "scores": "Fidelity at the same step, and agreement with the truth, against the number of "
    "states. Shades are 95 % intervals; vertical lines are the chosen models.",
    "trajectories": "Recorded steps in the first two components, coloured by state.",
    "states": "Left: transitions; the number at a state is its mean dwell in steps, > where "
    "sequences are too short to show more than that. "
    "Right: input, output and shares of the truth in each state; of values the mean in the state, "
    "as its deviation from the mean over all states in standard deviations. Of many inputs, "
    "outputs and labels those are shown by which states differ most.",
    "bands": "One test sequence, with the states inferred from the past only.",
}


def figures(explanation: Explanation) -> Iterator[tuple[str, Figure, pd.DataFrame]]:
    """Draw every figure of the explained layer, as a study's report has them.

    Yields
    ------
    name, figure, source table
    """
    style.use()
    trained, untrained = explanation.layers["trained"], explanation.layers.get("untrained")
    fits = explanation.tables["fits"]
    tables = {
        "fits": pd.concat(
            [
                fits[fits["role"] == "trained"],
                gather.of_controls(fits, trained.choices, DATASET),
            ],
            ignore_index=True,
        ),
        "choices": trained.choices,
        "by_count": explanation.scores,
    }
    yield from drawing.figures(
        drawing.task(trained.activations.to_dataset(), explanation.sequences),
        trained.states,
        untrained.states if untrained else None,
        {trained.reducer: trained.reduced["reduced"].to_numpy()},
        tables,
        str(explanation.choices["pick"].iloc[0]),
        np.nan,
        title(explanation.verdict["grade"], explanation.verdict.get("n_states", np.nan)),
    )


def pictures(explanation: Explanation) -> dict[str, bytes]:
    """Return every figure as PNG."""
    import matplotlib.pyplot as plt

    drawn = {}
    for name, figure, _ in figures(explanation):
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=140)
        plt.close(figure)
        drawn[name] = buffer.getvalue()
    return drawn


def body(explanation: Explanation, images: Mapping[str, bytes]) -> str:
    """Return findings, figures and tables as a piece of HTML.

    Parameters
    ----------
    images : name of a figure -> PNG.
    """
    parts = list(_paragraphs(explanation.summary().splitlines()))
    widest = max(_width(image) for image in images.values())
    for name, image in images.items():
        caption = next(text for key, text in CAPTIONS.items() if name.startswith(key))
        data = base64.b64encode(image).decode()
        # One size of letters in all figures, as they are drawn.
        width = f"{_width(image) / widest:.0%}"
        parts.append(
            f'<figure><img alt="{name}" style="width: {width}" src="data:image/png;base64,{data}">'
            f"<figcaption>{caption}</figcaption></figure>"
        )
    parts.append("<h2>Chosen models</h2>")
    parts.append(_table(explanation.choices, "pick"))
    parts.append("<h2>All models</h2>")
    parts.append(_table(explanation.scores, "role"))
    parts.append(
        '<p class="note">Fidelity at the same step says how well the present state stands in for '
        "the network's present output: 1 is perfect, 0 no better than the average output. The "
        "verdict asks for more: the forecast R2 of the output five steps ahead, in which no state "
        "is looked up in between. Dwells count visits that the end of a sequence cuts off, by the "
        "geometric law, and are never longer than the longest sequence. Deviations of inputs and "
        "outputs are from the mean of all steps, in standard deviations (SD); of symbols, log "
        "odds. States are inferred from the past only. Models are judged on sequences that no "
        "fit has seen.</p>"
    )
    return "".join(parts)


def _paragraphs(lines: Iterable[str]) -> Iterator[str]:
    """Yield lines as paragraphs, those that begin with a dash as lists."""
    for listed, group in itertools.groupby(lines, lambda line: line.startswith("- ")):
        texts = [user_text.html(line.removeprefix("- ")) for line in group]
        if listed:
            yield f"<ul>{''.join(f'<li>{text}</li>' for text in texts)}</ul>"
        else:
            yield "".join(f"<p>{text}</p>" for text in texts)


def write(explanation: Explanation, path: Path, images: Mapping[str, bytes]) -> None:
    """Write the page; it appears under its name when it is whole, and replaces no other's file.

    Parameters
    ----------
    images : name of a figure -> PNG.
    """
    title = f"States of layer {user_text.html(explanation.layer)}"
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style></head><body><h1>{title}</h1>{body(explanation, images)}</body>"
        "</html>\n"
    )
    pages.write_page(path, page)


def _width(png: bytes) -> int:
    """Return how many pixels wide a PNG is; its first chunk says so."""
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
