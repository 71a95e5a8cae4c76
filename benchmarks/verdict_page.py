"""Write the tables of ``docs/error_rates.md`` from the CSV files in this folder.

``python benchmarks/verdict_page.py`` replaces each table of the page, which stands behind a comment
``<!-- table: NAME -->`` and ends with an empty line.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd

FOLDER = Path(__file__).resolve().parent
PAGE = FOLDER.parent / "docs" / "error_rates.md"


def table(name: str) -> pd.DataFrame:
    """Return a CSV file of this folder."""
    return pd.read_csv(FOLDER / f"{name}.csv")


def _number(value: float) -> str:
    return "" if pd.isna(value) else f"{value:.3f}".rstrip("0").rstrip(".")


def rates() -> pd.DataFrame:
    """Return the error rates, a row for each question."""
    rows = []
    found = table("verdict_rates")
    for question in found["question"].unique():
        row = {"question": question}
        for half in ("fixing", "reporting"):
            one = found[(found["half"] == half) & (found["question"] == question)].iloc[0]
            if one["networks"]:
                row[half] = (
                    f"{one['hits']} of {one['networks']} ({_number(one['low'])} to "
                    f"{_number(one['high'])}); tasks {one['task_hits']} of {one['tasks']}"
                )
        rows.append(row)
    return pd.DataFrame(rows).fillna("")


def roc() -> pd.DataFrame:
    """Return the areas under the curves of each rule on the half ``reporting``."""
    found = table("verdict_roc")
    found = found[(found["half"] == "reporting") & (found["against"] == "other tasks")]
    names = ["grade", "number", "threshold", "positives", "negatives"]
    numbers = ["area", "alone", "sensitivity", "specificity"]
    return found[[*names, *numbers]].map(lambda v: v if isinstance(v, str) else _number(v))


def ablation() -> pd.DataFrame:
    """Return how many networks of each group get D or N in each ablation, half ``reporting``."""
    found = table("verdict_ablation").fillna({"name": ""})
    found = found[found["half"] == "reporting"]
    size = found.groupby("group")["networks"].first()
    wide = found.pivot_table(index=["kind", "name"], columns="group", values="hits", sort=False)
    wide = wide[[group for group in wide.columns if size[group]]].astype(int)
    wide.columns = [f"{group} ({size[group]})" for group in wide.columns]
    return wide.reset_index()


def learning() -> pd.DataFrame:
    """Return the rates by the number of sequences."""
    found = table("verdict_learning_rates")
    counted = [
        f"{row.hits} of {row.verdicts}"
        + (f", {row.exact} exact" if row.answer == "discrete" else "")
        for row in found.itertuples()
    ]
    found = found.assign(claims=counted, column=found["answer"] + ", " + found["half"])
    return found.pivot_table(
        index="sequences", columns="column", values="claims", aggfunc="first"
    ).reset_index()


def agreement() -> pd.DataFrame:
    """Return how often two paths give the same verdict."""
    found = table("explain_rates")
    shown = found[["verdicts", "group", "networks", "hits", "share", "low", "high"]]
    return shown.map(lambda v: v if isinstance(v, str) else _number(v))


TABLES: dict[str, Callable[[], pd.DataFrame]] = {
    one.__name__: one for one in (rates, roc, ablation, learning, agreement)
}


def markdown(found: pd.DataFrame) -> str:
    """Return a table in Markdown."""
    lines = [list(found.columns), ["---"] * len(found.columns), *found.to_numpy().tolist()]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def written(page: str) -> str:
    """Return a page with its tables replaced."""

    def _replaced(match: re.Match[str]) -> str:
        return f"{match[1]}{markdown(TABLES[match[2]]())}\n\n"

    return re.sub(r"(<!-- table: (\w+) -->\n)(?:\|[^\n]*\n)*\n", _replaced, page)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
