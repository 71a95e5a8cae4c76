"""A folder appears when it is whole, and nothing of somebody else's is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from hmmlens.errors import DataError, StoreError
from hmmlens.report import folder


def make(out: Path, table: str = "fits") -> None:
    with folder.becoming(out) as partial:
        assert partial is not None
        (partial / "tables").mkdir()
        (partial / "tables" / f"{table}.csv").touch()


def names(path: Path) -> set[str]:
    return {entry.relative_to(path).as_posix() for entry in path.rglob("*")}


def test_a_former_explanation_and_an_empty_folder_are_replaced(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "mine"
    out.mkdir(parents=True)
    make(out)
    make(out, "states")
    assert names(tmp_path / "deep") == {
        *("mine", f"mine/{folder.MARK}", "mine/tables", "mine/tables/states.csv")
    }


@pytest.mark.parametrize("beside", [False, True], ids=["the folder", "the begun folder"])
def test_anything_else_is_left_alone(tmp_path: Path, beside: bool) -> None:
    out = tmp_path / "mine"
    taken = tmp_path / "mine.partial" if beside else out
    taken.mkdir()
    (taken / "thesis.txt").touch()
    with pytest.raises(StoreError, match="is there already and is no explanation"):
        make(out)
    (taken / folder.MARK).touch()
    with pytest.raises(StoreError, match=r"would be replaced, but holds 'thesis\.txt'"):
        make(out)
    assert names(tmp_path) == {
        *(taken.name, f"{taken.name}/thesis.txt", f"{taken.name}/{folder.MARK}")
    }
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(StoreError, match="is no explanation"):
        make(file)
    assert file.read_text() == "mine"


def test_a_stopped_run_leaves_what_was_recorded_and_nothing_else(tmp_path: Path) -> None:
    out, partial = tmp_path / "mine", tmp_path / "mine.partial"
    make(out)
    with pytest.raises(KeyboardInterrupt), folder.becoming(out) as begun:
        assert begun == partial
        folder.recording(begun, "trained").mkdir(parents=True)
        (begun / "tables").mkdir()
        raise KeyboardInterrupt
    # The former explanation stands until there is another.
    assert (out / "tables" / "fits.csv").exists()
    with folder.becoming(out) as begun:
        assert begun is not None
        assert names(begun) == {folder.MARK, "recording", "recording/trained.zarr"}
    with pytest.raises(DataError), folder.becoming(out):
        raise DataError("what is given does not fit")
    assert not partial.exists()
    assert out.exists()
