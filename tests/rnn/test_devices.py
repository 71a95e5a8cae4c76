"""Every process takes the device that it was given, or one that no other process has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hmmlens.errors import StoreError
from hmmlens.rnn import devices

TAKE = """
import sys
from pathlib import Path
from hmmlens.rnn import devices
environ = {}
print(devices.claim(environ, Path(sys.argv[1]), Path(sys.argv[2])))
print(environ[devices.VISIBLE], flush=True)
sys.stdin.read()
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a /dev with three devices of NVIDIA's driver, and other files."""
    monkeypatch.setattr(devices, "_held", [])
    for name in ("nvidia0", "nvidia1", "nvidia10", "nvidiactl", "nvidia-uvm", "null"):
        (tmp_path / name).touch()
    return tmp_path


def take(machine: Path, locks: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", TAKE, str(machine), str(locks)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def log_and_device(process: subprocess.Popen[str]) -> tuple[str, str]:
    assert process.stdout is not None
    return process.stdout.readline().strip(), process.stdout.readline().strip()


def test_a_process_may_use_what_it_was_given(machine: Path) -> None:
    assert devices.visible_devices({}, machine) == ["0", "1", "10"]
    assert devices.visible_devices({"CUDA_VISIBLE_DEVICES": "2,0"}, machine) == ["2", "0"]
    assert devices.visible_devices({"CUDA_VISIBLE_DEVICES": "GPU-8932f937"}, machine) == [
        "GPU-8932f937"
    ]
    assert devices.visible_devices({"CUDA_VISIBLE_DEVICES": ""}, machine) == []
    assert devices.visible_devices({"CUDA_VISIBLE_DEVICES": "-1"}, machine) == []
    # The node of a job has devices, but the job was given none, or one.
    assert devices.visible_devices({"SLURM_JOB_ID": "5"}, machine) == []
    assert devices.visible_devices({"SLURM_JOB_ID": "5", "CUDA_VISIBLE_DEVICES": "1"}, machine) == [
        "1"
    ]


def test_one_device_or_none_needs_no_lock(machine: Path, tmp_path: Path) -> None:
    locks = tmp_path / "locks"
    environ = {"SLURM_JOB_ID": "5"}
    assert devices.claim(environ, machine, locks) == "this job was given no GPU"
    assert environ["CUDA_VISIBLE_DEVICES"] == ""
    environ = {"CUDA_VISIBLE_DEVICES": "1"}
    assert devices.claim(environ, machine, locks) == "GPU 1"
    assert environ["CUDA_VISIBLE_DEVICES"] == "1"
    assert not locks.exists()


def test_each_process_has_a_device_of_its_own_until_it_dies(machine: Path, tmp_path: Path) -> None:
    locks = tmp_path / "locks"
    running = [take(machine, locks) for _ in range(3)]
    try:
        answers = [log_and_device(process) for process in running]
        assert sorted(device for _, device in answers) == ["0", "1", "10"]
        assert all(text == f"GPU {device} of 0, 1, 10" for text, device in answers)
        # A fourth one has to share, and reports it.
        running.append(take(machine, locks))
        text, device = log_and_device(running[-1])
        assert text == f"GPU {device}, shared, because all of 0, 1, 10 are taken"
        # What a killed one had is free again.
        running[1].kill()
        running[1].wait()
        running.append(take(machine, locks))
        assert log_and_device(running[-1]) == answers[1]
    finally:
        for process in running:
            process.kill()
            process.communicate()


def test_auto_falls_back_to_the_cpu_with_one_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for given, wanted, line in (
        ("", "auto", "device cpu: this job was given no GPU"),
        ("3", "auto", "device cpu: GPU 3, but torch sees no CUDA there"),
        ("3", "cpu", "device cpu: as was asked for"),
    ):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
        caplog.clear()
        with caplog.at_level("INFO"):
            assert devices.choose(wanted).type == "cpu"
        assert caplog.messages == [line]
    with pytest.raises(StoreError, match="cuda was asked for, but torch sees no CUDA device"):
        devices.choose("cuda")
