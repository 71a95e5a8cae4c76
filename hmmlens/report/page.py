"""An explanation as one HTML file that needs no other: figures are inside."""

from __future__ import annotations

import base64
import html
import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hmmlens.figures import layer as figures
from hmmlens.figures import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from hmmlens.explanation import Explanation

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
img { max-width: 100%; }
table { border-collapse: collapse; font-size: 0.85rem; display: block; overflow-x: auto; }
th, td { padding: 0.2rem 0.6rem; text-align: right; border-bottom: 1px solid #ddd; }
figcaption, .note { color: #555; font-size: 0.9rem; }
"""

CAPTIONS = {
    "selection": "BIC against the number of states; points are restarts.",
    "scores": "Fidelity and agreement with the truth against the number of states. "
    "Shades are 95 % intervals; vertical lines are the chosen models.",
    "trajectories": "Recorded steps in the first two components, coloured by state.",
    "states": "Left: transitions; the number at a state is its expected dwell in steps. "
    "Right: mean input, mean output and shares of the truth in each state.",
    "bands": "One test sequence, with the states inferred from the past only.",
}


def write(explanation: Explanation, path: Path) -> None:
    """Write the page; it appears under its name when it is whole."""
    style.use()
    parts = [f"<p>{html.escape(line)}</p>" for line in explanation.summary().splitlines()]
    for name, figure, _ in _figures(explanation):
        caption = next(text for key, text in CAPTIONS.items() if name.startswith(key))
        parts.append(
            f'<figure><img alt="{name}" src="data:image/png;base64,{_png(figure)}">'
            f"<figcaption>{caption}</figcaption></figure>"
        )
    parts.append("<h2>Chosen models</h2>")
    parts.append(_table(explanation.choices.drop(columns=["sentence", "exploratory"])))
    parts.append("<h2>All models</h2>")
    parts.append(_table(explanation.scores))
    parts.append(
        '<p class="note">Fidelity is read-in: it tests whether states partition what the network '
        "knows. States are inferred from the past only. Models are judged on sequences that no "
        "fit has seen.</p>"
    )
    title = f"States of layer {html.escape(explanation.layer)}"
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style></head><body><h1>{title}</h1>{''.join(parts)}</body></html>\n"
    )
    partial = path.with_name(path.name + ".partial")
    partial.write_text(page)
    partial.replace(path)


def _figures(explanation: Explanation) -> list[tuple[str, Figure, pd.DataFrame]]:
    recorded = explanation.recorded
    task = figures.Task(
        inputs=recorded["input"],
        truth=recorded["truth"],
        split=recorded["split"],
        names=explanation.names,
        length=recorded["length"],
        symbols=recorded["input"].ndim == 2,
        symbols_out=explanation.symbols_out,
        step_label="step",
    )
    tables = {
        "fits": explanation.fits,
        "choices": explanation.choices,
        "by_count": explanation.scores,
    }
    reducer = explanation.choices["reducer"].iloc[0]
    maps = {reducer: explanation.reduced}
    return list(figures.figures(task, explanation.states, None, maps, tables, "bic", np.nan))


def _png(figure: Figure) -> str:
    import matplotlib.pyplot as plt

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=140)
    plt.close(figure)
    return base64.b64encode(buffer.getvalue()).decode()


def _table(table: pd.DataFrame) -> str:
    text: str = table.to_html(index=False, border=0, float_format="%.3f", na_rep="–")
    return text
