"""The PDF report of a study that explains networks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hmmlens.report import document
from hmmlens.rnn.settings import AdapterNetwork
from hmmlens.study.config import Study

#: Tables that the template shows.
SHOWN = (
    *("networks", "agreement", "choices", "endpoints", "ceilings", "states"),
    *("audit", "sample_sizes", "verdicts", "checks"),
)


def about(study: Study) -> dict[str, Any]:
    """Return the settings of a study that its report prints.

    Parameters
    ----------
    study : Study
        The study.

    Returns
    -------
    dict
        Those of :func:`hmmlens.report.document.head`, and the settings of the fits.
    """
    from hmmlens.rnn.adapters import ADAPTERS

    return {
        **document.head(study),
        "sources": {
            name: ADAPTERS[network.adapter].source._asdict()
            for name, network in study.networks.items()
            if isinstance(network, AdapterNetwork)
        },
        "engine": study.sweep.engine,
        "criterion": study.selection.criterion,
        "tolerance": study.selection.fidelity_tolerance,
        "many_layers": any(len(n.layers) > 1 for n in study.networks.values()),
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
    template : Path
        The Typst file; it reads ``facts.json``, ``tables/*.csv`` and ``figures/``.
    tables : Path
        Folder of the tables.
    findings : Path
        The findings in sentences, JSON, see :func:`hmmlens.report.explain.findings.study`.
    overview : Path
        Folder of the figures of the whole study.
    networks : mapping of str to Path
        Network -> folder of its figures.
    about : mapping of str to object
        See :func:`about`.
    output : Path
        The PDF; it appears under its name when it is whole.
    """
    from hmmlens.report.explain.figures import captions

    drawn = {
        network: sorted(folder.glob("*.pdf"))
        for network, folder in {"overview": overview, **networks}.items()
    }
    facts = {
        "about": about,
        **json.loads(findings.read_text()),
        "figures": {network: [path.stem for path in paths] for network, paths in drawn.items()},
        "captions": captions(),
    }
    paths = [tables / f"{name}.csv" for name in SHOWN]
    document.compile_pdf(template, facts, paths, drawn, output)
