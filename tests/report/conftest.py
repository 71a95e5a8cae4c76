"""Figures that are saved without what no test looks at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure


@pytest.fixture
def no_png(monkeypatch: pytest.MonkeyPatch) -> None:
    """Save figures without their PNG, which takes most of the time."""
    written = Figure.savefig

    def savefig(figure: Figure, path: Path, **options: Any) -> None:
        if path.suffix != ".png":
            written(figure, path, **options)

    monkeypatch.setattr(Figure, "savefig", savefig)
