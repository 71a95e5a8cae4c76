"""An explanation as a folder, laid out as the workflow lays out a study."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import hmmlens
from hmmlens import store
from hmmlens.errors import HmmlensError, StoreError
from hmmlens.extraction.sinks import read_tree, write_tree
from hmmlens.report import gather, tables
from hmmlens.report.result import DATASET, NETWORKS, Explanation
from hmmlens.validation.scorecard import RAW_INPUT

#: Says that a folder is an explanation, and what it was made with.
MARK = "explanation.json"
PAGE, SUMMARY = "explanation.html", "summary.txt"
#: What was recorded so far, until the rest is made.
RECORDING = "recording"

#: What stands in the folder. Where there is anything else, it is somebody's and not replaced.
ENTRIES = {
    *(MARK, PAGE, SUMMARY, RECORDING, "data", "tables", "figures"),
    *(*NETWORKS.values(), f"raw-{DATASET}"),
}


def check(out: Path) -> None:
    """Refuse a folder that holds anything but an explanation, or a begun one.

    Raises
    ------
    StoreError
        Saying what is in the way.
    """
    for path in (out, _partial(out)):
        _check(path)


def _partial(out: Path) -> Path:
    return out.with_name(f"{out.name}.partial")


def _check(path: Path) -> None:
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    if not (path / MARK).is_file():
        raise StoreError(
            f"{path}: is there already and is no explanation; name another folder, or move it away"
        )
    strange = sorted({entry.name for entry in path.iterdir()} - ENTRIES)
    if strange:
        raise StoreError(
            f"{path}: would be replaced, but holds {strange[0]!r}, which is no part of an "
            "explanation; move that away, or name another folder"
        )


@contextmanager
def becoming(out: str | Path | None) -> Iterator[Path | None]:
    """Yield a folder that becomes ``out`` when the block ends without error; None for None.

    What a killed run has left there is kept, so that its recording can be taken up.

    Raises
    ------
    StoreError
        When anything but a former explanation is in the way.
    """
    if out is None:
        yield None
        return
    path = Path(out).resolve()
    partial = _partial(path)
    check(path)
    partial.mkdir(parents=True, exist_ok=True)
    for entry in partial.iterdir():
        if entry.name != RECORDING:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    (partial / MARK).write_text('{"whole": false}\n')
    try:
        yield partial
    except HmmlensError:
        shutil.rmtree(partial)
        raise
    # Somebody may have put something there meanwhile.
    _check(path)
    shutil.rmtree(path, ignore_errors=True)
    partial.replace(path)


def recording(partial: Path, role: str) -> Path:
    """Return where states go while the folder is made: of the network ``trained`` or another."""
    return partial / RECORDING / f"{role}.zarr"


def _activations(folder: Path, role: str) -> Path:
    return store.inside(folder / NETWORKS[role] / "0" / "activations")


def opened(found: Explanation, out: Path) -> Explanation:
    """Return an explanation whose recorded arrays are read from its folder."""
    layers = {
        role: layer._replace(activations=read_tree(_activations(out, role)))
        for role, layer in found.layers.items()
    }
    return replace(found, layers=layers)


def write(found: Explanation, folder: Path) -> None:
    """Write stores, tables, figures and the page; what was recorded there is moved in its place."""
    from hmmlens.figures import style
    from hmmlens.report import page

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
        keep(layer.states, place / "explanation", "explanation")
        (place / "validation").mkdir()
        layer.scores.to_csv(place / "validation" / "scores.csv", index=False)
        layer.choices.to_csv(place / "validation" / "choices.csv", index=False)
    raw = gather.raw_layer(DATASET)
    place = folder / raw["network"] / "0" / raw["layer"] / RAW_INPUT
    for name, data in zip(("reduced", "sweep"), found.raw, strict=True):
        keep(data, place / name, name)
    for name, table in found.tables.items():
        tables.save(table, folder / "tables" / name)
    pictures = {}
    for name, figure, source in page.figures(found):
        stem = folder / "figures" / NETWORKS["trained"] / f"{found.layer}-{name}"
        style.save(figure, stem, source)
        pictures[name] = stem.with_suffix(".png").read_bytes()
    page.write(found, folder / PAGE, pictures)
    (folder / SUMMARY).write_text(f"{found.summary()}\n", encoding="utf-8")
    for role, layer in found.layers.items():
        if recording(folder, role).exists():
            # What reads from there is done.
            _activations(folder, role).parent.mkdir()
            recording(folder, role).replace(_activations(folder, role))
        else:
            write_tree(layer.activations, _activations(folder, role))
    shutil.rmtree(folder / RECORDING, ignore_errors=True)
    told = {"whole": True, "hmmlens": hmmlens.__version__, "settings": found.about}
    (folder / MARK).write_text(f"{json.dumps(told, indent=2)}\n")
