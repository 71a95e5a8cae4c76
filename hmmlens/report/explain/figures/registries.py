"""The figures of an explanation: those of a whole study, and those of each layer."""

from __future__ import annotations

from hmmlens.report.figures import FigureRegistry

#: Figures of a study, drawn from its tables.
OVERVIEW = FigureRegistry()
#: Figures of one layer, drawn from the inputs that :func:`.layer.figures` prepares.
LAYER = FigureRegistry()
