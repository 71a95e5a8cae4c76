"""A registry holds members by name, in order, and names what it has when asked for another."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hmmlens.errors import ConfigError
from hmmlens.registry import Registry


@pytest.fixture
def shapes() -> Registry[object]:
    """Two members."""
    made: Registry[object] = Registry("shape")
    made.register("square", label="Square")(4)
    made.register("circle", label="Circle")(0)
    return made


def test_members_are_found_by_name_in_order(shapes: Registry[object]) -> None:
    assert list(shapes) == ["square", "circle"]
    assert (len(shapes), shapes["circle"], shapes.label("square")) == (2, 0, "Square")
    assert "square" in shapes
    assert "cube" not in shapes
    assert dict(shapes.items()) == {"square": 4, "circle": 0}


def test_the_decorator_returns_its_member(shapes: Registry[object]) -> None:
    member = object()
    assert shapes.register("point", label="Point")(member) is member


def test_an_unknown_name_is_refused_with_the_names_there_are(shapes: Registry[object]) -> None:
    for ask in (shapes.__getitem__, shapes.label):
        with pytest.raises(ConfigError, match="no shape 'cube'; use one of square, circle"):
            ask("cube")


def test_two_members_cannot_share_a_name(shapes: Registry[object]) -> None:
    with pytest.raises(ValueError, match="two shapes of the name 'square'"):
        shapes.register("square", label="Another")


@pytest.mark.parametrize(
    "module",
    [
        "hmmlens.reduction.tsne",
        "hmmlens.datasets.own.zarr_store",
        "hmmlens.datasets.synthetic.tomita",
        # These import scikit-learn and matplotlib.
        pytest.param("hmmlens.validation.baselines.predictors", marks=pytest.mark.study),
        pytest.param("hmmlens.report.explain.figures.layer", marks=pytest.mark.study),
    ],
)
def test_the_order_of_members_is_not_that_of_imports(module: str) -> None:
    code = f"import {module}; from hmmlens.study import schema; sys.exit(schema.main(['--check']))"
    command = [sys.executable, "-c", f"import sys; {code}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
