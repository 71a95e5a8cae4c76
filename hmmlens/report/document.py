"""Set the report with Typst from a template whose every number is read from a result file."""

from __future__ import annotations

import datetime
import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

#: A fixed time stamp, so that equal results give equal bytes.
TIMESTAMP = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)

#: Tables that the template shows.
SHOWN = (
    *("networks", "agreement", "choices", "endpoints", "ceilings", "states"),
    *("audit", "sample_sizes"),
)


def write(
    template: Path,
    tables: Path,
    findings: Path,
    overview: Path,
    networks: Mapping[str, Path],
    about: Mapping[str, Any],
    output: Path,
) -> None:
    """Compile the template to a PDF.

    Typst sees one folder only, so what the template reads is gathered in a temporary one.

    Parameters
    ----------
    template : the Typst file; it reads ``facts.json``, ``tables/*.csv`` and ``figures/``.
    tables, overview : folders of tables and of the study's figures.
    findings : the sentences, JSON.
    networks : network -> folder of its figures.
    about : the study's settings that the report prints.
    output : the PDF; it appears under its name when it is whole.
    """
    import typst

    facts = {"about": about, **json.loads(findings.read_text())}
    facts["figures"] = {}
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        shutil.copy(template, root / "report.typ")
        (root / "tables").mkdir()
        for table in SHOWN:
            shutil.copy(tables / f"{table}.csv", root / "tables")
        for network, folder in {"overview": overview, **networks}.items():
            target = root / "figures" / network
            target.mkdir(parents=True)
            stems = sorted(path.stem for path in folder.glob("*.pdf"))
            facts["figures"][network] = stems
            for stem in stems:
                shutil.copy(folder / f"{stem}.pdf", target)
        (root / "facts.json").write_text(json.dumps(facts))
        pdf = typst.compile(root / "report.typ", root=root, timestamp=TIMESTAMP)
    partial = output.with_name(output.name + ".partial")
    partial.write_bytes(pdf)
    partial.replace(output)
