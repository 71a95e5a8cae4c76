"""Tests that ask for the fixture ``kernel`` run in NumPy and in each compiled kernel."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hmmlens.hmm.engine.kernel import loading


@pytest.fixture(scope="module", params=["numpy", "v3", "v4"])
def kernel(request: pytest.FixtureRequest) -> Iterator[str]:
    """Return what runs the E-step in all tests of the module."""
    if request.param not in loading.available():
        pytest.skip(f"the compiled kernel {request.param} is not built, or cannot run here")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(loading.VARIABLE, request.param)
        yield request.param
