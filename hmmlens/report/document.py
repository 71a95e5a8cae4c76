"""Set the report with Typst from a template whose every number is read from a result file."""

from __future__ import annotations

import datetime
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import hmmlens
from hmmlens import user_text
from hmmlens.study.emulation_study import EmulationStudy
from hmmlens.study.jobs import AnyStudy

#: A fixed time stamp, so that equal results give equal bytes.
TIMESTAMP = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)

#: Where the templates are: files of the package, found wherever it is installed.
TEMPLATES = Path(__file__).parent / "templates"


def params(about: Mapping[str, Any]) -> str:
    """Return settings as one parameter of a rule, which scripts read with :func:`json.loads`.

    Snakemake's own report holds the parameters of rules within a script, which a title with
    ``</script>`` would end.

    Parameters
    ----------
    about : mapping of str to object
        Settings that JSON can hold.

    Returns
    -------
    str
        JSON without characters that end a script.
    """
    return user_text.json_text(about)


def head(study: AnyStudy) -> dict[str, Any]:
    """Return what stands at the head of a report.

    Parameters
    ----------
    study : Study, EmulationStudy or RoundTripStudy
        The study.

    Returns
    -------
    dict
        ``title, study, seed, version``, and ``scale`` of a study of emulating networks.
    """
    found = {
        "title": study.title,
        "study": study.study,
        "seed": study.seed,
        "version": hmmlens.__version__,
    }
    return found | {"scale": study.scale} if isinstance(study, EmulationStudy) else found


def compile_pdf(
    template: Path,
    facts: Mapping[str, Any],
    tables: Sequence[Path],
    figures: Mapping[str, Sequence[Path]],
    output: Path,
) -> None:
    """Compile a template that reads ``facts.json``, ``tables/*.csv`` and ``figures/``.

    Typst reads from one folder alone, so what the template reads is gathered in a temporary one.

    Parameters
    ----------
    template : Path
        The Typst file.
    facts : mapping of str to object
        What becomes ``facts.json``.
    tables : sequence of Path
        CSV files that become ``tables/*.csv``.
    figures : mapping of str to sequence of Path
        Folder below ``figures/`` -> the files that are copied into it.
    output : Path
        The PDF; it appears under its name when it is whole.
    """
    import typst

    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        shutil.copy(template, root / "report.typ")
        for folder, paths in {"tables": tables, **_below("figures", figures)}.items():
            (root / folder).mkdir(parents=True, exist_ok=True)
            for path in paths:
                shutil.copy(path, root / folder)
        (root / "facts.json").write_text(json.dumps(user_text.lines_of(facts)))
        pdf = typst.compile(root / "report.typ", root=root, timestamp=TIMESTAMP)
    partial = output.with_name(output.name + ".partial")
    partial.write_bytes(pdf)
    partial.replace(output)


def _below(folder: str, files: Mapping[str, Sequence[Path]]) -> dict[str, Sequence[Path]]:
    return {f"{folder}/{name}": paths for name, paths in files.items()}
