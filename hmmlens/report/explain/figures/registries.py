"""The figures of an explanation: those of a whole study, and those of each layer.

A figure states its section and its place there; ``explain.typ`` prints every figure of a section.
"""

from __future__ import annotations

from hmmlens.report.figures import FigureRegistry

#: Sections of what shows the verdict, and of numbers of states by likelihood.
EVIDENCE, BY_LIKELIHOOD = "evidence of the verdict", "choice of the number of states"
#: Figures of a study, by section of the report. Their inputs are tables of the study.
OVERVIEW = FigureRegistry(
    ["Networks and their tasks", "Trained networks and their controls", "Checks"]
)
#: Figures of one layer, by their place among those of the layer. Their inputs are what
#: :func:`.layer.draw_figures` prepares, for the layer or for each chosen model, and rows of the
#: layer in tables of the study.
LAYER = FigureRegistry(
    [
        "first page",
        EVIDENCE,
        "above the table of states",
        "below the table of states",
        BY_LIKELIHOOD,
    ]
)
