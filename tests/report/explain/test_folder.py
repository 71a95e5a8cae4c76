"""A folder appears when it is whole, and nothing of somebody else's is lost."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch

import hmmlens
from hmmlens.errors import DataError, StoreError
from hmmlens.io import seals
from hmmlens.io.locks import LOCK
from hmmlens.report.explain import folder


def make(out: Path, table: str = "fits") -> None:
    with folder.open_workspace(out) as work:
        assert work is not None
        (work.made / "tables").mkdir(parents=True)
        (work.made / "tables" / f"{table}.csv").write_text(table)
        seals.seal(work.made, folder.KIND)


def snapshot(path: Path) -> dict[str, bytes | None]:
    """Return relative path -> content of all below a folder; None for folders."""
    return {
        entry.relative_to(path).as_posix(): None if entry.is_dir() else entry.read_bytes()
        for entry in path.rglob("*")
    }


def test_a_former_explanation_and_an_empty_folder_are_replaced(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "mine"
    out.mkdir(parents=True)
    out.chmod(0o750)
    make(out)
    # Files that were deleted since prove nothing to the contrary.
    (out / "tables" / "fits.csv").unlink()
    make(out, "states")
    assert set(snapshot(tmp_path / "deep")) == {
        *("mine", "mine/manifest.json", "mine/tables", "mine/tables/states.csv")
    }
    assert out.stat().st_mode & 0o777 == 0o750


def test_equal_explanations_have_equal_seals(tmp_path: Path) -> None:
    make(tmp_path / "one")
    make(tmp_path / "two")
    assert snapshot(tmp_path / "one") == snapshot(tmp_path / "two")
    manifest = json.loads((tmp_path / "one" / "manifest.json").read_text())
    assert manifest["files"] == {
        "tables/": "",
        "tables/fits.csv": hashlib.sha256(b"fits").hexdigest(),
    }


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("thesis.txt", "holds 'thesis.txt', which hmmlens did not write"),
        ("tables/mine.csv", "holds 'tables/mine.csv', which hmmlens did not write"),
        ("tables/fits.csv", "'tables/fits.csv' was changed after hmmlens wrote it"),
        ("manifest.json", "its manifest.json is not one that this version of hmmlens wrote"),
        ("empty/", "holds 'empty/', which hmmlens did not write"),
    ],
)
def test_files_that_were_added_or_changed_are_kept(tmp_path: Path, name: str, message: str) -> None:
    out = tmp_path / "mine"
    make(out)
    if name.endswith("/"):
        (out / name).mkdir()
    else:
        (out / name).write_text("years of work")
    before = snapshot(tmp_path)
    with pytest.raises(StoreError) as caught:
        make(out)
    assert message in str(caught.value)
    assert snapshot(tmp_path) == before


def test_a_link_in_an_explanation_is_kept(tmp_path: Path) -> None:
    out, thesis = tmp_path / "mine", tmp_path / "thesis.txt"
    thesis.write_text("years of work")
    make(out)
    (out / "tables" / "fits.csv").unlink()
    (out / "tables" / "fits.csv").symlink_to(thesis)
    with pytest.raises(StoreError, match=r"fits\.csv: is no plain file"):
        make(out)
    assert (out / "tables" / "fits.csv").is_symlink()
    assert thesis.read_text() == "years of work"


def test_a_link_to_the_folder_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "far")
    make(link)
    assert link.is_symlink()
    assert (tmp_path / "far" / "tables" / "fits.csv").exists()


@pytest.mark.parametrize("mark", [None, folder.MARK, "manifest.json", LOCK, "zarr.json"])
@pytest.mark.parametrize("in_partial", [False, True], ids=["the folder", "the begun folder"])
def test_folders_of_others_are_kept(tmp_path: Path, in_partial: bool, mark: str | None) -> None:
    out = tmp_path / "mine"
    taken = tmp_path / "mine.partial" if in_partial else out
    for name in ("data", "tables", "figures", "recording/trained.zarr"):
        (taken / name).mkdir(parents=True)
        (taken / name / "mine.csv").write_text("years of work")
    if mark is not None:
        (taken / mark).write_text('{"format": 1, "files": {}, "attributes": {}}')
    before = snapshot(tmp_path)
    with pytest.raises(StoreError, match=str(taken)):
        make(out)
    with pytest.raises(StoreError, match=str(taken)):
        folder.check_folder(out)
    assert snapshot(tmp_path) == before


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    for out, message in ((file, "is a file"), (file / "below", "is no folder")):
        with pytest.raises(StoreError, match=message):
            make(out)
    assert snapshot(tmp_path) == {"file": b"mine"}


def test_what_comes_to_lie_there_meanwhile_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "mine"
    with (
        pytest.raises(StoreError, match="what was made lies in") as caught,
        folder.open_workspace(out) as work,
    ):
        assert work is not None
        work.made.mkdir()
        (work.made / "result").write_text("made")
        seals.seal(work.made, folder.KIND)
        out.mkdir()
        (out / "thesis.txt").write_text("years of work")
    assert snapshot(out) == {"thesis.txt": b"years of work"}
    kept = Path(str(caught.value).rpartition("lies in ")[2])
    assert (kept / "result").read_text() == "made"


def test_a_stopped_run_leaves_what_was_recorded_and_nothing_else(tmp_path: Path) -> None:
    out, partial = tmp_path / "mine", tmp_path / "mine.partial"
    make(out)
    inputs = np.zeros((2, 3, 1), np.float32)
    with pytest.raises(KeyboardInterrupt), folder.open_workspace(out) as work:
        assert work is not None
        path = folder.locate_recording(work, "trained")
        hmmlens.extract(torch.nn.GRU(1, 2, batch_first=True), inputs, store=path)
        raise KeyboardInterrupt
    # The former explanation stands until there is another.
    assert (out / "tables" / "fits.csv").exists()
    with folder.open_workspace(out) as work:
        assert work is not None
        assert {entry.name for entry in partial.iterdir()} == {LOCK, "recording"}
        assert [entry.name for entry in (partial / "recording").iterdir()] == ["trained.zarr"]
    assert not partial.exists()
    with pytest.raises(DataError), folder.open_workspace(out):
        raise DataError("what is given does not fit")
    assert not partial.exists()
    assert out.exists()


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    out = tmp_path / "mine"
    with folder.open_workspace(out):
        for attempt in (folder.check_folder, make):
            with pytest.raises(StoreError, match=r"process \d+ on .+, since .+ is writing it"):
                attempt(out)
    make(out)
