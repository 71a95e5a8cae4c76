"""An explanation as a folder, laid out as the workflow lays out a study."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import hmmlens
from hmmlens.errors import HmmlensError, StoreError
from hmmlens.futures.summary import to_dataset
from hmmlens.io import locks, ownership, seals, store, writing
from hmmlens.io.writing import writing_to
from hmmlens.recording.store import unfinished
from hmmlens.recording.store.trees import read_tree
from hmmlens.recording.store.writers import write_tree
from hmmlens.report.explain import gather, tables
from hmmlens.report.explain.roles import DATASET, NETWORKS

if TYPE_CHECKING:
    from hmmlens.report.explain.result import Explanation

#: What the folder was made with.
MARK = "explanation.json"
PAGE, SUMMARY = "explanation.html", "summary.txt"
#: What was recorded so far, until the rest is made.
RECORDING = "recording"
#: What :mod:`hmmlens.io.ownership` calls the folder.
KIND = "explanation"


class Workspace(NamedTuple):
    """Where an explanation is made.

    out : the folder that it becomes.
    recorded : ``OUT.partial``, which holds the lock and what was recorded; a run that was killed is
        taken up from there.
    made : everything else until it is whole. Its name is new in every run, so nothing has to be
        deleted there.
    """

    out: Path
    recorded: Path
    made: Path


def check_folder(out: str | Path) -> None:
    """Refuse a folder that may not be replaced, or that another process is writing.

    Parameters
    ----------
    out : str or Path
        The folder.

    Raises
    ------
    StoreError
        When the folder holds other files, or another process uses it; the message names which.
    """
    path = writing.resolved(out)
    with writing_to(path):
        locks.check_free(_recorded(path), path)
        _check(path)


def _recorded(out: Path) -> Path:
    return out.with_name(f"{out.name}.partial")


def _check(path: Path) -> None:
    ownership.verified(path, KIND)
    _names(_recorded(path))


def _names(recorded: Path) -> list[str]:
    """Return the names of all that hmmlens wrote to the folder of a run that was killed.

    Raises
    ------
    StoreError
        When there is anything else.
    """
    if not os.path.lexists(recorded):
        return []
    if recorded.is_symlink() or not recorded.is_dir():
        raise StoreError(f"{recorded}: is a file; {writing.ADVICE}")
    is_ours = locks.is_ours(recorded / locks.LOCK)
    stores = {
        f"{RECORDING}/{role}.zarr{ending}"
        for role in NETWORKS
        for ending in ("", ".partial")
        if (recorded / RECORDING / f"{role}.zarr{ending}").is_dir()
    }
    found = []
    for name in seals.names(recorded):
        inside = name.startswith(tuple(f"{place}/" for place in stores))
        if not is_ours or not (inside or name in (locks.LOCK, f"{RECORDING}/")):
            raise StoreError(
                f"{recorded}: is where the explanation is made, but holds {name!r}, which "
                "hmmlens did not write; move that away, or name another folder"
            )
        found.append(name)
    for place in stores:
        if place.endswith(".partial"):
            unfinished.verified(recorded / place)
        else:
            ownership.verified(recorded / place, "activations")
    return found


@contextmanager
def open_workspace(out: str | Path | None) -> Iterator[Workspace | None]:
    """Yield where to make what becomes ``out`` when the block ends without error; None for None.

    What a killed run has recorded there is kept, so that it can be taken up.

    Parameters
    ----------
    out : str or Path, optional
        The folder; None for none.

    Yields
    ------
    work : Workspace or None

    Raises
    ------
    StoreError
        When anything but a former explanation is in the way, another process is writing there, or
        the system refuses to write.
    """
    if out is None:
        yield None
        return
    path = writing.resolved(out)
    work = Workspace(path, _recorded(path), writing.fresh(path))
    lock = locks.Lock(work.recorded, path)
    with writing_to(path):
        lock.claim(lambda: _check(path))
        useless = False
        try:
            yield work
            if work.made.exists():
                _finish(work)
            useless = True
        except HmmlensError as error:
            useless = not isinstance(error, writing.WriteError | NotReplacedError)
            raise
        finally:
            with suppress(OSError, StoreError):
                if useless:
                    ownership.delete(work.recorded, _names(work.recorded), {locks.LOCK})
                    lock.release(work.recorded / locks.LOCK)
                    work.recorded.rmdir()
            lock.release()


class NotReplacedError(StoreError):
    """Something came to lie where the finished explanation belongs."""


def _finish(work: Workspace) -> None:
    try:
        ownership.replace(work.made, work.out, KIND)
    except (OSError, StoreError) as error:
        raise NotReplacedError(f"{error}; what was made lies in {work.made}") from error


def locate_recording(work: Workspace, role: str) -> Path:
    """Return where recorded states are stored while the folder is made.

    Parameters
    ----------
    work : Workspace
        Where the explanation is made.
    role : str
        ``trained`` or ``untrained``.

    Returns
    -------
    Path
        Path of the store.
    """
    return work.recorded / RECORDING / f"{role}.zarr"


def _activations(folder: Path, role: str) -> Path:
    return store.inside(folder / NETWORKS[role] / "0" / "activations")


def reopen(found: Explanation, out: Path) -> Explanation:
    """Return an explanation whose recorded arrays are read from its folder.

    Parameters
    ----------
    found : Explanation
        The explanation.
    out : Path
        Its folder.

    Returns
    -------
    Explanation
        The same explanation with arrays that are read on demand.
    """
    layers = {
        role: layer._replace(activations=read_tree(_activations(out, role)))
        for role, layer in found.layers.items()
    }
    return replace(found, layers=layers)


def write_explanation(found: Explanation, work: Workspace) -> None:
    """Write stores, tables, figures and the page; what was recorded is moved in its place.

    Parameters
    ----------
    found : Explanation
        The explanation.
    work : Workspace
        Where it is made.
    """
    try:
        work.made.mkdir()
        _write(found, work)
        seals.seal(work.made, KIND)
    except BaseException:
        for role in found.layers:
            with suppress(OSError):
                _activations(work.made, role).replace(locate_recording(work, role))
        shutil.rmtree(work.made, ignore_errors=True)
        raise


def _write(found: Explanation, work: Workspace) -> None:
    from hmmlens.report import style
    from hmmlens.report.explain import page

    folder = work.made
    settings = json.dumps(found.about, sort_keys=True)
    made_by: dict[str, Any] = {
        "study": "explain",
        "created_by": f"hmmlens.explain, hmmlens {hmmlens.__version__}",
        "config_hash": hashlib.sha256(settings.encode()).hexdigest()[:16],
        "seed": found.about["random_state"],
    }

    def keep(data: Any, place: Path, kind: str) -> None:
        store.write(data, store.inside(place), kind, made_by)

    keep(found.sequences, folder / "data" / DATASET, "sequences")
    for role, layer in found.layers.items():
        place = folder / NETWORKS[role] / "0" / found.layer
        keep(layer.reduced, place / layer.reducer / "reduced", "reduced")
        keep(layer.sweep, place / layer.reducer / "sweep", "sweep")
        for reducer, (reduced, sweep) in layer.others.items():
            keep(reduced, place / reducer / "reduced", "reduced")
            keep(sweep, place / reducer / "sweep", "sweep")
        keep(layer.states, place / "explanation", "explanation")
        (place / "validation").mkdir()
        layer.scores.to_csv(place / "validation" / "scores.csv", index=False)
        layer.choices.to_csv(place / "validation" / "choices.csv", index=False)
    keep(to_dataset(found.futures), folder / NETWORKS["trained"] / "0" / "futures", "futures")
    raw = gather.build_raw_key(DATASET)
    for reducer, stores in found.raw.items():
        place = folder / raw["network"] / "0" / raw["layer"] / reducer
        for name, data in zip(("reduced", "sweep"), stores, strict=True):
            keep(data, place / name, name)
    for name, table in found.tables.items():
        tables.save(table, folder / "tables" / name)
    pictures = {}
    for name, figure, source in page.draw_figures(found):
        stem = folder / "figures" / NETWORKS["trained"] / f"{found.layer}-{name}"
        style.save(figure, stem, source, pdf=found.about.get("effort") != "quick")
        pictures[name] = stem.with_suffix(".png").read_bytes()
    page.write_page(found, folder / PAGE, pictures)
    (folder / SUMMARY).write_text(f"{found.summary()}\n", encoding="utf-8")
    for role, layer in found.layers.items():
        if locate_recording(work, role).exists():
            # What reads from there is done.
            _activations(folder, role).parent.mkdir()
            locate_recording(work, role).replace(_activations(folder, role))
        else:
            write_tree(layer.activations, _activations(folder, role))
    mark = {"whole": True, "hmmlens": hmmlens.__version__, "settings": found.about}
    (folder / MARK).write_text(f"{json.dumps(mark, indent=2)}\n")
