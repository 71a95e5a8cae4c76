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
from hmmlens.rnn.settings import AdapterNetwork
from hmmlens.study.config import Study
from hmmlens.study.emulation_study import EmulationStudy
from hmmlens.study.jobs import AnyStudy

#: A fixed time stamp, so that equal results give equal bytes.
TIMESTAMP = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)

#: Where the templates are: files of the package, found wherever it is installed.
TEMPLATES = Path(__file__).parent / "templates"

#: Tables that the template shows.
SHOWN = (
    *("networks", "agreement", "choices", "endpoints", "ceilings", "states"),
    *("audit", "sample_sizes", "verdicts", "checks"),
)


def params(about: Mapping[str, Any]) -> str:
    """Return settings as one parameter of a rule, which scripts read with :func:`json.loads`.

    Snakemake's own report holds the parameters of rules within a script, which a title with
    ``</script>`` would end.
    """
    return user_text.json_text(about)


def head(study: AnyStudy) -> dict[str, Any]:
    """Return what stands at the head of a report."""
    found = {
        "title": study.title,
        "study": study.study,
        "seed": study.seed,
        "version": hmmlens.__version__,
    }
    return found | {"scale": study.scale} if isinstance(study, EmulationStudy) else found


def about(study: Study) -> dict[str, Any]:
    """Return what a report prints of its study's settings."""
    from hmmlens.naming import MIN_ARROW
    from hmmlens.rnn.adapters import ADAPTERS

    return {
        **head(study),
        "sources": {
            name: ADAPTERS[network.adapter].source._asdict()
            for name, network in study.networks.items()
            if isinstance(network, AdapterNetwork)
        },
        "engine": study.sweep.engine,
        "criterion": study.selection.criterion,
        "tolerance": study.selection.fidelity_tolerance,
        "many_layers": any(len(n.layers) > 1 for n in study.networks.values()),
        "min_arrow": MIN_ARROW,
        "n_states": f"{study.sweep.n_states[0]} to {study.sweep.n_states[-1]}",
        "covariance_types": study.sweep.covariance_types,
        "n_restarts": study.sweep.n_restarts,
        "max_iter": study.sweep.max_iter,
        "min_covar": study.sweep.min_covar,
        "reducers": list(study.reducers),
        "max_frames": study.activations.max_frames,
    }


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

    Parameters
    ----------
    template : the Typst file; it reads ``facts.json``, ``tables/*.csv`` and ``figures/``.
    tables, overview : folders of tables and of the study's figures.
    findings : the sentences, JSON.
    networks : network -> folder of its figures.
    about : the study's settings that the report prints.
    output : the PDF; it appears under its name when it is whole.
    """
    drawn = {
        network: sorted(folder.glob("*.pdf"))
        for network, folder in {"overview": overview, **networks}.items()
    }
    facts = {
        "about": about,
        **json.loads(findings.read_text()),
        "figures": {network: [path.stem for path in paths] for network, paths in drawn.items()},
    }
    compile_pdf(template, facts, [tables / f"{name}.csv" for name in SHOWN], drawn, output)


def compile_pdf(
    template: Path,
    facts: Mapping[str, Any],
    tables: Sequence[Path],
    figures: Mapping[str, Sequence[Path]],
    output: Path,
) -> None:
    """Compile a template that reads ``facts.json``, ``tables/*.csv`` and ``figures/``.

    Typst sees one folder only, so what the template reads is gathered in a temporary one.

    Parameters
    ----------
    figures : folder below ``figures/`` -> the files that it gets.
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
