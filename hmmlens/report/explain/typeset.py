"""The PDF report of a study that explains networks."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hmmlens.report import document
from hmmlens.rnn.settings import AdapterNetwork
from hmmlens.study.config import Study

if TYPE_CHECKING:
    from hmmlens.report.figures import FigureRegistry

#: Tables that the template shows.
SHOWN = ("networks", "states", "verdicts", "checks")


def describe_study(study: Study) -> dict[str, Any]:
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


def place_figures(
    drawn: Mapping[str, Collection[str]], layers: Collection[tuple[str, str]]
) -> dict[str, Any]:
    """Return the figures of each section of the report, with their captions, in its order.

    Parameters
    ----------
    drawn : mapping of str to collection of str
        Folder of figures, ``overview`` or a network's name -> names of the files in it.
    layers : collection of tuple of (str, str)
        Networks and their layers that are reported.

    Returns
    -------
    dict
        ``overview`` -> section -> figures, and ``networks`` -> network -> layer -> section ->
        figures, see :meth:`hmmlens.report.figures.FigureRegistry.placed`. A figure's ``name`` is
        that of its file.
    """
    from hmmlens.report.explain.figures import layer as layer_figures
    from hmmlens.report.explain.figures import overview

    networks: dict[str, dict[str, Any]] = {}
    for network, layer in layers:
        if network in drawn:
            placed = _of_layer(layer_figures.LAYER, layer, drawn[network])
            networks.setdefault(network, {})[layer] = placed
    return {"overview": overview.OVERVIEW.placed(drawn["overview"]), "networks": networks}


def _of_layer(
    registry: FigureRegistry, layer: str, drawn: Collection[str]
) -> dict[str, list[dict[str, str]]]:
    """Return the figures of a layer, whose files begin with its name."""
    names = [name for name in registry if f"{layer}-{name}" in drawn]
    return {
        section: [{**one, "name": f"{layer}-{one['name']}"} for one in placed]
        for section, placed in registry.placed(names).items()
    }


def write_report(
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
        See :func:`describe_study`.
    output : Path
        The PDF; it appears under its name when it is whole.
    """
    found = json.loads(findings.read_text())
    drawn = {
        network: sorted(folder.glob("*.pdf"))
        for network, folder in {"overview": overview, **networks}.items()
    }
    facts = {
        "about": about,
        **found,
        "figures": place_figures(
            {folder: [path.stem for path in paths] for folder, paths in drawn.items()},
            [(layer["network"], layer["layer"]) for layer in found["networks"]],
        ),
    }
    paths = [tables / f"{name}.csv" for name in SHOWN]
    document.compile_pdf(template, facts, paths, drawn, output)
