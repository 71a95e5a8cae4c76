"""What hmmlens writes: by one writer at a time, over nobody's files, with the system's errors."""

from __future__ import annotations

import errno
import importlib
import io
import json
import os
import shutil
import stat
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import zarr
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

import hmmlens
from hmmlens.cli import command as cli
from hmmlens.errors import DataError, StoreError
from hmmlens.explanation import recorded as explaining
from hmmlens.io import locks, store
from hmmlens.recording.store.trees import read_tree
from hmmlens.recording.store.writers import write_tree
from hmmlens.report.explain import folder
from hmmlens.report.explain.result import Explanation
from hmmlens.rnn import recurrent_network
from tests.recording.oracle import seeded

Snapshot = dict[str, tuple[int, bytes | str | None]]


def snapshot(place: Path) -> Snapshot:
    """Return path -> mode and content, or target, of all below a folder."""
    found: Snapshot = {}
    for path in sorted(place.rglob("*")):
        mode = path.lstat().st_mode
        content: bytes | str | None = None
        if stat.S_ISLNK(mode):
            content = os.readlink(path)
        elif stat.S_ISREG(mode):
            content = path.read_bytes()
        found[path.relative_to(place).as_posix()] = (mode, content)
    return found


def gru() -> torch.nn.GRU:
    found: torch.nn.GRU = seeded(torch.nn.GRU, 3, 5, batch_first=True)
    return found


INPUTS = np.random.default_rng(0).normal(size=(4, 6, 3)).astype(np.float32)


def extracted(path: Path, **options: Any) -> None:
    """Write a store, and hold it against torch."""
    tree = hmmlens.extract(gru(), INPUTS, store=path, **options)
    with torch.no_grad():
        expected = gru()(torch.from_numpy(INPUTS))[0].numpy()
    np.testing.assert_allclose(tree["rnn"]["hidden"], expected, atol=1e-6)
    again = zarr.open_group(path, mode="r")["rnn/hidden"]
    np.testing.assert_allclose(np.asarray(again), expected, atol=1e-6)


def refused(path: Path, match: str, **options: Any) -> None:
    """Try to write a store over somebody's files; the network does not run."""

    def run(*_: Any) -> None:
        pytest.fail("the network ran")

    network = gru()
    network.register_forward_pre_hook(run)
    with pytest.raises(StoreError, match=match):
        hmmlens.extract(network, INPUTS, store=path, **options)


# --- Stores ---------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["s.zarr", "s.zarr.partial", "elsewhere"])
def test_folders_of_others_are_kept(tmp_path: Path, where: str) -> None:
    taken = tmp_path / where
    (taken / "thesis").mkdir(parents=True)
    (taken / "thesis" / "chapter1.tex").write_text("years of work")
    (taken / "data.csv").write_text("1,2")
    before = snapshot(tmp_path)
    options = {"partial": taken} if where == "elsewhere" else {}
    refused(tmp_path / "s.zarr", "nothing in it shows that hmmlens wrote it", **options)
    assert snapshot(tmp_path) == before


def test_a_file_is_kept(tmp_path: Path) -> None:
    (tmp_path / "f.zarr").write_text("a file")
    refused(tmp_path / "f.zarr", "is a file")
    refused(tmp_path / "f.zarr" / "below", "is no folder")
    (tmp_path / "g.zarr.partial").write_text("a file")
    refused(tmp_path / "g.zarr", "is a file")
    refused(tmp_path / "h.zarr", "are the same folder", partial=tmp_path / "h.zarr")
    assert {path.read_text() for path in tmp_path.iterdir()} == {"a file"}


def test_a_zarr_store_of_others_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "s.zarr"
    root = zarr.create_group(path, attributes={"store": "activations", "schema_version": 1})
    root.create_array("rnn/hidden", shape=(3,), dtype="f4")[:] = 1
    before = snapshot(tmp_path)
    refused(path, "is a Zarr store that hmmlens did not write")
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("change", ["file", "array", "attribute", "chunk", "chunk is gone"])
def test_a_store_that_was_changed_is_kept(tmp_path: Path, change: str) -> None:
    path = tmp_path / "s.zarr"
    extracted(path)
    extracted(path)
    if change == "file":
        (path / "rnn" / "notes.txt").write_text("mine")
    elif change == "array":
        zarr.open_group(path, mode="r+").create_array("mine", shape=(2,), dtype="f4")[:] = 1
    elif change == "attribute":
        zarr.open_group(path, mode="r+").attrs["note"] = "mine"
    elif change == "chunk":
        zarr.open_group(path, mode="r+")["rnn/hidden"][0] = 7
    else:
        shutil.rmtree(path / "rnn" / "hidden" / "c")
    before = snapshot(tmp_path)
    refused(path, "added, changed or deleted")
    assert snapshot(tmp_path) == before


def test_a_seal_changes_nothing_that_is_read(tmp_path: Path) -> None:
    path = tmp_path / "s.zarr"
    extracted(path)
    assert "hmmlens_seal" in zarr.open_group(path, mode="r").attrs
    assert "hmmlens_seal" not in read_tree(path).attrs
    other = tmp_path / "t.zarr"
    # What is read and written again is sealed anew.
    write_tree(read_tree(path), other)
    write_tree(read_tree(path), other)
    assert dict(read_tree(other).attrs) == dict(read_tree(path).attrs)


def test_stores_of_other_kinds_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "s.zarr"
    data = read_tree_like()
    store.write(data, path, "sequences", {})
    store.write(data, path, "sequences", {})
    before = snapshot(tmp_path)
    refused(path, "holds 'sequences', not 'activations'")
    with pytest.raises(StoreError, match="holds 'sequences', not 'sweep'"):
        store.write(data, path, "sweep", {})
    assert snapshot(tmp_path) == before


def read_tree_like() -> Any:
    import xarray as xr

    return xr.Dataset({"input": (("sequence", "time"), np.zeros((2, 3)))})


def test_an_unfinished_store_of_an_earlier_version_is_replaced(tmp_path: Path) -> None:
    """They had the log and no lock; other files next to their arrays are the user's."""
    partial = tmp_path / "s.zarr.partial"
    root = zarr.create_group(partial)
    root.create_array("rnn/hidden", shape=(3,), dtype="f4")[:] = 1
    head = {"fingerprint": "x", "units": None, "arrays": ["rnn/hidden"]}
    (partial / "batches.jsonl").write_text(json.dumps(head) + "\n")
    (partial / "rnn" / "notes.txt").write_text("mine")
    before = snapshot(tmp_path)
    refused(tmp_path / "s.zarr", r"'rnn/notes\.txt', which hmmlens did not write")
    assert snapshot(tmp_path) == before
    (partial / "rnn" / "notes.txt").unlink()
    extracted(tmp_path / "s.zarr")
    assert [path.name for path in tmp_path.iterdir()] == ["s.zarr"]


@pytest.mark.parametrize("kind", ["store", "folder"])
def test_empty_folders_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """A run that is killed between two steps leaves one without a lock."""
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "out.partial").mkdir()
    if kind == "store":
        extracted(out)
    else:
        monkeypatch.setattr(folder, "_write", light)
        monkeypatch.setattr(folder, "reopen", lambda found, out: found)
        hmmlens.explain(gru(), INPUTS, out=out, n_states=[1, 2], n_restarts=1, untrained=None)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert any(out.iterdir())


@pytest.mark.parametrize("moment", ["claimed", "log", "arrays", "sealed", "renamed"])
def test_a_kill_at_any_moment_leaves_what_can_be_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """As SIGKILL does, nothing is tidied up."""
    from hmmlens.io import ownership
    from hmmlens.recording.store import unfinished, writers

    class KilledError(BaseException):
        pass

    def kill(*_: Any, **__: Any) -> None:
        raise KilledError

    path = tmp_path / "s.zarr"
    extracted(path)
    targets = {
        "claimed": (writers.Store, "_continue"),
        "log": (zarr, "create_group"),
        "arrays": (unfinished, "append_log"),
        "sealed": (ownership, "replace"),
        "renamed": (writers, "read_tree"),
    }
    with monkeypatch.context() as patch:
        patch.setattr(*targets[moment], kill)
        patch.setattr(writers.Store, "__exit__", lambda self, *_: self._lock.release())
        if moment == "renamed":
            # Killed before the lock's file is deleted.
            patch.setattr(
                writers.Lock, "release", lambda self, path=None: os.close(self._descriptor)
            )
            patch.setattr(writers.Store, "__exit__", lambda self, *_: None)
        with pytest.raises(KilledError):
            extracted(path)
    extracted(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["s.zarr"]
    assert not (path / locks.LOCK).exists()


# --- Locks ----------------------------------------------------------------------------------

HOLD = """
import sys
from pathlib import Path
from hmmlens.io.locks import Lock
lock = Lock(Path(sys.argv[1]), Path("out"))
lock.claim(lambda: None)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("kind", ["store", "folder"])
def test_a_second_writer_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    out = tmp_path / "out"
    code = [sys.executable, "-c", HOLD, str(tmp_path / "out.partial")]
    held = subprocess.Popen(code, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert held.stdout is not None
    assert held.stdin is not None
    try:
        assert held.stdout.readline() == "held\n"
        before = snapshot(tmp_path)
        match = rf"out: process {held.pid} on .+, since 20.+ is writing it"
        if kind == "store":
            refused(out, match)
        else:
            with pytest.raises(StoreError, match=match):
                hmmlens.explain(gru(), INPUTS, out=out)
            with pytest.raises(StoreError, match=match):
                folder.check_folder(out)
        assert snapshot(tmp_path) == before
    finally:
        held.kill()
        held.wait()
        held.stdin.close()
        held.stdout.close()
    # The lock of a process that was killed is in nobody's way.
    if kind == "store":
        extracted(out)
    else:
        folder.check_folder(out)


def test_a_writer_of_the_same_process_is_refused_too(tmp_path: Path) -> None:
    path = tmp_path / "s.zarr"

    def second(done: int, _: int) -> None:
        if done == 1:
            refused(path, f"process {os.getpid()} on")

    extracted(path, batch_size=2, progress=second)


def test_locks_that_the_file_system_has_not_are_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def unsupported(*_: Any) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks.fcntl, "flock", unsupported)
    extracted(tmp_path / "s.zarr")
    assert "there are no locks on this file system" in caplog.text


# --- Errors of the system -------------------------------------------------------------------


def full(*_: Any, **__: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    "target",
    [
        "hmmlens.recording.store.unfinished.write_log",
        "hmmlens.recording.store.unfinished.append_log",
        "hmmlens.io.seals.seal_store",
        "hmmlens.io.locks._write",
        "zarr.storage.LocalStore.set",
    ],
)
def test_a_full_disk_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    path = tmp_path / "s.zarr"
    with monkeypatch.context() as patch:
        patch.setattr(target, full)
        with pytest.raises(StoreError) as caught:
            hmmlens.extract(gru(), INPUTS, store=path)
    assert str(caught.value) == f"{path}: cannot be written: No space left on device"
    assert not path.exists()
    # With more room it goes on.
    extracted(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["s.zarr"]


def test_long_names_and_no_paths_are_refused(tmp_path: Path) -> None:
    refused(tmp_path / ("n" * 300), "File name too long")
    refused(tmp_path / ("n" * 250), "File name too long")
    refused("nul\0", "is no path that can be written to")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


# --- Code that would end the process --------------------------------------------------------


class Leaving(torch.nn.Module):
    """A network that ends the process when it runs."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = gru()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        sys.exit(0)


def test_a_network_cannot_end_the_process(tmp_path: Path) -> None:
    for path in (None, tmp_path / "s.zarr"):
        with pytest.raises(DataError, match=r"SystemExit\(0\) \(test_writers\.py, line \d+\)"):
            hmmlens.extract(Leaving(), INPUTS, store=path)
    assert list(tmp_path.iterdir()) == []


# --- The command ----------------------------------------------------------------------------

FACTORY = """
import torch
import writers_helper

def build(gain=1.0):
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = torch.nn.GRU(2, 3, batch_first=True)
            self.out = torch.nn.Linear(3, 2)

        def forward(self, x):
            return self.out(self.rnn(x * gain * writers_helper.SCALE)[0])

    return Net()
"""


def user_folder(place: Path) -> None:
    """Write a factory with its helper, weights and a table."""
    (place / "writers_network.py").write_text(FACTORY)
    (place / "writers_helper.py").write_text("SCALE = 1.0\n")
    parts = torch.nn.ModuleDict({"rnn": torch.nn.GRU(2, 3), "out": torch.nn.Linear(3, 2)})
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        for value in parts.parameters():
            value.normal_()
    recurrent_network.save(parts, place / "w.safetensors")
    values = np.random.default_rng(0).normal(size=(120, 2)).round(3)
    n = np.arange(120)
    table = {"sequence": n // 10, "time": n % 10, "left": values[:, 0], "right": values[:, 1]}
    pd.DataFrame(table).to_csv(place / "d.csv", index=False)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder to work in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    user_folder(tmp_path)
    return tmp_path


BASE = "explain writers_network:build --weights w.safetensors --data d.csv"
QUICK = "--n-states 1 --n-restarts 1 --n-components 2 --no-untrained --device cpu"


def command(*more: str, base: str = BASE) -> tuple[int, str]:
    """Run the command as in a process of its own; return its exit code and the end of stderr."""
    for name in ("writers_network", "writers_helper"):
        sys.modules.pop(name, None)
    importlib.invalidate_caches()
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = cli.main([*base.split(), *QUICK.split(), *more])
        except SystemExit as stopped:
            code = int(stopped.code or 0)
    assert "Traceback" not in err.getvalue()
    return code, (err.getvalue().splitlines() or [""])[-1]


def recorded(place: Path) -> np.ndarray:
    path = place / "found.partial" / "recording" / "trained.zarr"
    found: np.ndarray = read_tree(path)["rnn"]["hidden"].to_numpy()
    return found


def expected(scale: float) -> np.ndarray:
    """Return the states of torch's own layer on the scaled table."""
    from safetensors.torch import load_file

    weights = load_file("w.safetensors")
    rnn = torch.nn.GRU(2, 3, batch_first=True)
    rnn.load_state_dict({k.removeprefix("rnn."): v for k, v in weights.items() if "rnn" in k})
    table = pd.read_csv("d.csv")[["left", "right"]].to_numpy().reshape(12, 10, 2)
    with torch.no_grad():
        found: np.ndarray = rnn(torch.from_numpy(scale * table).float())[0].numpy()
    return found


@pytest.mark.parametrize("change", ["nothing", "kwargs", "helper", "module", "data"])
def test_only_what_the_same_network_recorded_is_taken_up(
    place: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    # What comes right after the recording.
    monkeypatch.setattr(explaining, "fit_controls", stop)
    options = ["--out", "found"]
    assert command(*options)[0] == cli.STOPPED
    np.testing.assert_allclose(recorded(place), expected(1.0), atol=1e-6)
    header = place / "found.partial" / "recording" / "trained.zarr" / "zarr.json"
    before = header.stat().st_ino
    scale = 1.0 if change in ("nothing", "data") else 2.0
    if change == "kwargs":
        options += ["--kwargs", '{"gain": 2.0}']
    elif change == "helper":
        (place / "writers_helper.py").write_text("SCALE = 2.0\n")
    elif change == "module":
        text = (place / "writers_network.py").read_text()
        (place / "writers_network.py").write_text(text.replace("x * gain", "x * 2.0 * gain"))
    elif change == "data":
        table = pd.read_csv("d.csv")
        table.assign(left=table["left"] + 1).to_csv("d.csv", index=False)
    assert command(*options)[0] == cli.STOPPED
    np.testing.assert_allclose(recorded(place), expected(scale), atol=1e-6)
    assert (header.stat().st_ino == before) == (change == "nothing")


@pytest.mark.parametrize("where", ["import", "helper", "factory", "forward", "code 3"])
def test_code_that_exits_is_no_success(place: Path, where: str) -> None:
    helper, module = place / "writers_helper.py", place / "writers_network.py"
    if where == "helper":
        helper.write_text("import sys\nsys.exit(0)\n")
    elif where == "import":
        module.write_text("raise SystemExit(0)\n")
    elif where == "forward":
        module.write_text(FACTORY.replace("return self.out", "raise SystemExit\n            "))
    else:
        code = 3 if where == "code 3" else 0
        module.write_text(FACTORY.replace("    class", f"    raise SystemExit({code})\n    class"))
    assert_refused(place, "SystemExit(")


def assert_refused(place: Path, message: str, *more: str) -> None:
    before = snapshot(place)
    code, printed = command("--out", "found", *more)
    assert code == cli.WRONG
    assert printed.startswith("hmmlens explain: ")
    assert message in printed
    assert snapshot(place) == before


@pytest.mark.parametrize("seed", ["4294967296", "99999999999999999999", "-1", "1.5", "\u00b2"])
def test_seeds_that_generators_do_not_take_are_refused(place: Path, seed: str) -> None:
    before = snapshot(place)
    code, printed = command("--out", "found", f"--seed={seed}")
    assert code == cli.WRONG
    assert "is no whole number from 0 to 4294967295" in printed
    assert snapshot(place) == before


def test_errors_of_the_system_are_one_sentence(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_refused(place, "d.csv is no folder", "--out", "d.csv/found")
    assert_refused(place, "is a file", "--out", "d.csv")
    assert_refused(place, "File name too long", "--out", "n" * 300)
    monkeypatch.setattr("pandas.DataFrame.to_csv", full)
    code, printed = command("--out", "found")
    assert code == cli.WRONG
    assert printed == f"hmmlens explain: {place}/found: cannot be written: No space left on device"
    # The recording is kept for a run with more room.
    assert recorded(place).shape == (12, 10, 3)
    assert not (place / "found").exists()


@pytest.mark.parametrize("name", ["plan", "partial"])
def test_other_commands_report_errors_of_the_system(
    place: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def unwritable(*_: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "results/x")

    monkeypatch.setattr("hmmlens.cli.studies._study", unwritable)
    err = io.StringIO()
    with redirect_stderr(err):
        assert cli.main([name]) == cli.WRONG
    assert err.getvalue() == f"hmmlens {name}: the system refuses: Permission denied (results/x)\n"


SMOKE = "workflow/studies/smoke.yaml"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has it")
def test_output_that_cannot_be_printed_is_reported() -> None:
    root = Path(hmmlens.__file__).parents[1]
    command = [
        sys.executable,
        "-m",
        "hmmlens",
        "plan",
        "--configfile",
        "workflow/studies/smoke.yaml",
    ]
    with open("/dev/full", "w") as printed:
        done = subprocess.run(
            command, cwd=root, stdout=printed, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == cli.WRONG
    assert done.stderr == "hmmlens plan: the system refuses: No space left on device\n"


# --- Pages ----------------------------------------------------------------------------------


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Explanation:
    """Return an explanation whose page is drawn in no time."""
    monkeypatch.setattr("hmmlens.report.explain.page.render_figures", lambda _: {})
    monkeypatch.setattr("hmmlens.report.explain.page.render_body", lambda *_: "<p>found</p>")
    found: Explanation = object.__new__(Explanation)
    object.__setattr__(found, "layer", "rnn")
    return found


def test_a_page_replaces_pages_of_its_own_alone(tmp_path: Path, page: Explanation) -> None:
    path = tmp_path / "page.html"
    page.to_html(path)
    first = path.read_bytes()
    assert b"<p>found</p>" in first
    page.to_html(path)
    assert path.read_bytes() == first
    (tmp_path / "page.html.partial").write_text("mine")
    for text in ("years of work", first.decode() + "mine\n", first.decode().replace("found", "f")):
        path.write_text(text)
        before = snapshot(tmp_path)
        with pytest.raises(StoreError, match="no page that hmmlens wrote, or was changed since"):
            page.to_html(path)
        assert snapshot(tmp_path) == before


def test_a_page_is_a_file_that_can_be_written(
    tmp_path: Path, page: Explanation, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StoreError, match="is a folder; name a file in it"):
        page.to_html(tmp_path)
    with pytest.raises(StoreError, match="cannot be written: No such file or directory"):
        page.to_html(tmp_path / "absent" / "page.html")
    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(StoreError, match=r"page\.html: cannot be written: No space left on device"):
        page.to_html(tmp_path / "page.html")
    assert list(tmp_path.iterdir()) == []


# --- Random folders -------------------------------------------------------------------------

#: What people may have in and around an output folder; names that end in / are folders.
NAMES = [
    *("found/", "found/thesis.txt", "found/explanation.json", "found/manifest.json"),
    *("found/zarr.json", "found/data/d.csv", "found/tables/fits.csv", "found/figures/"),
    *("found/hmmlens.lock", "found/batches.jsonl", "found/network/0/activations/"),
    *("found/rnn/hidden/c/0/0/0", "found/rnn/hidden/zarr.json", "found/recording/trained.zarr/x"),
    *("found.partial/", "found.partial/hmmlens.lock", "found.partial/batches.jsonl"),
    *("found.partial/zarr.json", "found.partial/explanation.json", "found.partial/notes.txt"),
    *("found.partial/recording/trained.zarr/zarr.json", "found.partial/recording/"),
    *("found.partial/recording/trained.zarr.partial/batches.jsonl", "found.partial/c/0"),
    *("found.00000000.partial/x", "other/found", "found.html", "found.lock"),
]
MARKERS = [
    {"format": 1, "kind": "explanation", "files": {}, "id": "0"},
    {"format": 1, "kind": "explanation", "files": {"thesis.txt": ""}},
    {"whole": True, "hmmlens": "0.1.0", "settings": {}},
    {"format": 1, "pid": 1, "host": "here"},
    {"format": 1, "fingerprint": "x", "units": None},
    {"zarr_format": 3, "node_type": "group", "attributes": {"store": "activations"}},
    {"zarr_format": 3, "attributes": {"hmmlens_seal": {"format": 1, "id": "0"}}},
    {"attributes": {"store": "activations", "hmmlens_seal": {"format": 1}, "schema_version": 1}},
]
CONTENT = st.one_of(
    st.binary(max_size=8), st.sampled_from([json.dumps(m).encode() + b"\n" for m in MARKERS])
)
KINDS = st.sampled_from(["file", "file", "link to a file", "link to a folder", "broken link"])
TREES = st.dictionaries(st.sampled_from(NAMES), st.tuples(KINDS, CONTENT), max_size=4)


def plant(place: Path, tree: dict[str, tuple[str, bytes]]) -> None:
    """Put files of somebody into a folder; those that conflict with existing files are left out."""
    (place / "mine").mkdir(exist_ok=True)
    (place / "mine" / "secret.txt").write_text("years of work")
    for name, (kind, content) in sorted(tree.items()):
        path = place / name
        try:
            if name.endswith("/") and kind == "file":
                path.mkdir(parents=True, exist_ok=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            if kind == "file":
                path.write_bytes(content)
            else:
                target = {"link to a file": "mine/secret.txt", "link to a folder": "mine"}
                path.symlink_to(place / target.get(kind, "nowhere"))
        except OSError:
            continue


def is_kept(before: Snapshot, after: Snapshot, ours: set[str]) -> None:
    """Check that all that was there is there, but for what hmmlens had written itself."""
    for name, entry in before.items():
        if name not in ours:
            assert after.get(name) == entry, name


def workplace(before: Snapshot, name: str) -> set[str]:
    """Return where a run works if that is an empty folder, which is nobody's.

    A run that was killed before it had its lock leaves one, so the next run uses and removes it.
    """
    is_folder = name in before and stat.S_ISDIR(before[name][0])
    is_empty = not any(other.startswith(f"{name}/") for other in before)
    return {name} if is_folder and is_empty else set()


RANDOM = settings(
    max_examples=25,
    # Each example takes too long for a search for smaller ones.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


#: An empty folder where a run works.
EMPTY = {"found.partial/": ("file", b"")}


@RANDOM
@example(EMPTY, False, None)
@example(EMPTY, True, "other/p")
@given(TREES, st.booleans(), st.sampled_from([None, "found.partial", "found", "other/p"]))
def test_no_store_changes_what_others_have(
    tmp_path_factory: pytest.TempPathFactory,
    tree: dict[str, tuple[str, bytes]],
    former: bool,
    partial: str | None,
) -> None:
    place = tmp_path_factory.mktemp("stores")
    if former:
        extracted(place / "found")
    ours = {name for name in snapshot(place) if name.startswith("found/")}
    plant(place, tree)
    before = snapshot(place)
    work = workplace(before, partial or "found.partial")
    options = {} if partial is None else {"partial": place / partial}
    try:
        extracted(place / "found", **options)
    except StoreError as error:
        assert "\n" not in str(error)
        is_kept(before, snapshot(place), work)
    else:
        # An empty folder of somebody's becomes the store.
        is_kept(before, snapshot(place), ours | work)
        assert former or not any(name.startswith("found/") for name in before)
    shutil.rmtree(place)


OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "seed": st.sampled_from(["0", "4294967295", "4294967296", "-1", "x"]),
        "n-states": st.sampled_from(["1", "1-2", "2-1", "0", "1,1", ""]),
        "n-components": st.sampled_from(["1", "2", "3", "99", "0"]),
        "layer": st.sampled_from(["rnn", "out", "", "rnn/../x", "\u202e"]),
        "kwargs": st.sampled_from(["{}", '{"gain": 0.5}', '{"gain": null}', "[", '{"x": 1}']),
        "out": st.sampled_from(["found", ".", "d.csv", "found/", "mine/deep/er", "d.csv/x"]),
        "max-frames": st.sampled_from(["1", "60", "999999999999"]),
    },
)


def light(found: Any, work: folder.Workspace) -> None:
    """Write the summary alone: figures take seconds, and the seal holds for any files."""
    (work.made / folder.SUMMARY).write_text(f"{found.summary()}\n")
    (work.made / folder.PAGE).write_text("page")


# Each example is up to two explanations.
@settings(RANDOM, max_examples=10)
@example(EMPTY, {}, False)
@example(EMPTY, {"n-components": "99"}, True)
@example(EMPTY, {"layer": "", "n-components": "2"}, False)
@given(TREES, OPTIONS, st.booleans())
def test_no_command_changes_what_others_have(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    tree: dict[str, tuple[str, bytes]],
    options: dict[str, str],
    former: bool,
) -> None:
    place = tmp_path_factory.mktemp("commands")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    with monkeypatch.context() as patch:
        patch.chdir(place)
        patch.setattr(folder, "_write", light)
        patch.setattr(folder, "reopen", lambda found, out: found)
        # Half of the time, and nothing of it is written.
        patch.setattr(explaining, "compare_layer_futures", lambda *_: None)
        user_folder(place)
        if former:
            assert command("--out", "found")[0] == 0
        ours = {name for name in snapshot(place) if name.startswith("found/")}
        plant(place, tree)
        before = snapshot(place)
        work = workplace(before, "found.partial")
        words = [f"--{name}={value}" for name, value in {"out": "found", **options}.items()]
        code, printed = command(*words)
        out = Path(options.get("out", "found"))
        if code == 0:
            is_kept(before, snapshot(place), ours | work)
            # The readout is a layer too, and may be asked for.
            layer = "out: 2 units" if options.get("layer") == "out" else "rnn: 3 units"
            assert (out / "summary.txt").read_text().startswith(f"Layer {layer}")
        else:
            assert code == cli.WRONG
            assert printed.startswith("hmmlens explain: ")
            is_kept(before, snapshot(place), work)
    shutil.rmtree(place)
