"""An edit to the library re-runs the rules that use what was edited, and no others.

Results are empty files of one age, in place of those of a run: Snakemake compares times alone.
"""

from __future__ import annotations

import inspect
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

import hmmlens
from hmmlens.datasets.published_packages import PACKAGES
from hmmlens.emulation.kicks import dose_response
from hmmlens.hmm.engine.passes import longpass
from hmmlens.io.yaml_files import read_yaml
from hmmlens.reduction import principal_components
from hmmlens.report.emulation.figures import kicks
from hmmlens.rnn.adapters import gait_gru
from hmmlens.stats import bootstrap
from hmmlens.study import jobs
from tests.workflow.runs import PUBLISHED, ROOT, SMOKE

pytestmark = pytest.mark.study

EMULATING = ROOT / "workflow" / "studies" / "torre-smoke.yaml"
LIBRARY = Path(hmmlens.__file__).parent
#: Seconds since 1970 of the code, of the results, and of an edit.
BEFORE, MADE, EDITED = 1e9, 1.1e9, 1.2e9

REPORT = {"make_tables", "draw_network", "draw_overview", "write_report"}
JUDGED = {"validate_layer", "interpret_layer", "judge_network", "check_network"}
TORRE = {"gather_torre", "draw_torre", "write_torre"}
ADAPTED = {"load_network", "record_activations", "find_endpoints", "reduce_layer", "sweep_states"}


class Edit(NamedTuple):
    """Modules that are edited at once, and the rules of a study that run again."""

    study: Path
    modules: tuple[ModuleType, ...]
    rules: set[str]


EDITS = {
    "an interval function": Edit(
        SMOKE,
        (bootstrap,),
        # Agreement, by which futures compare classes, has its intervals beside it.
        {"find_ceilings", "judge_reservoirs", "find_endpoints", "sweep_states", *JUDGED, *REPORT},
    ),
    "a reducer": Edit(
        SMOKE,
        (principal_components,),
        {"reduce_layer", "raw_input", "sweep_states", "judge_reservoirs", *JUDGED, *REPORT},
    ),
    "a pass of the HMM": Edit(
        SMOKE, (longpass,), {"sweep_states", "find_ceilings", "judge_reservoirs", *JUDGED, *REPORT}
    ),
    "what this study does not use": Edit(SMOKE, (gait_gru, kicks, dose_response), set()),
    "a figure": Edit(EMULATING, (kicks,), TORRE),
    "an analysis of kick units": Edit(
        EMULATING, (dose_response,), {"find_kicks", "tie_states", *TORRE}
    ),
    "a bundled network": Edit(PUBLISHED, (gait_gru,), {*ADAPTED, *JUDGED, *REPORT}),
}


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the workflow and the library, older than all results."""
    folder = tmp_path_factory.mktemp("clone")
    shutil.copy(ROOT / "Snakefile", folder)
    for name in ("workflow", "profiles", "envs"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copytree(LIBRARY, folder / "hmmlens", ignore=shutil.ignore_patterns("__pycache__"))
    for path in folder.rglob("*"):
        os.utime(path, (BEFORE, BEFORE))
    return folder


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which all results of three studies seem to be."""
    folder = tmp_path_factory.mktemp("results")
    for config in (SMOKE, PUBLISHED, EMULATING):
        study = jobs.load(read_yaml(config), config.name)
        for job in jobs.of_study(study):
            for output in job.outputs:
                path = folder / "results" / study.study / output
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch() if path.suffix else path.mkdir()
    (folder / "data").mkdir()
    for name in PACKAGES:
        (folder / "data" / name).touch()
    for path in folder.rglob("*"):
        os.utime(path, (MADE, MADE))
    return folder


@pytest.fixture
def edited(clone: Path, request: pytest.FixtureRequest) -> Iterator[Edit]:
    """Give the modules of an edit in the copy the time of an edit."""
    edit = EDITS[request.param]
    files = [Path(inspect.getfile(module)).relative_to(LIBRARY) for module in edit.modules]
    for file in files:
        os.utime(clone / "hmmlens" / file, (EDITED, EDITED))
    yield edit
    for file in files:
        os.utime(clone / "hmmlens" / file, (BEFORE, BEFORE))


@pytest.mark.parametrize("edited", EDITS, indirect=True)
def test_an_edit_reruns_what_uses_it(edited: Edit, clone: Path, results: Path) -> None:
    command = [
        *(sys.executable, "-m", "snakemake", "--snakefile", str(clone / "Snakefile")),
        *("--directory", str(results), "--configfile", str(edited.study), "--cores", "1"),
        *("--dry-run", "--rerun-triggers", "mtime", "--quiet", "host"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    printed = done.stdout + done.stderr
    assert done.returncode == 0, printed[-3000:]
    found = set(re.findall(r"^(\w+) +\d+$", printed, re.MULTILINE)) - {"all", "total"}
    assert found == edited.rules
    assert found or "Nothing to be done" in printed
    # Of two bundled networks, the other is not loaded again.
    outputs = "".join(re.findall(r"^ +output: .*safetensors.*$", printed, re.MULTILINE))
    assert ("gait-gru" in outputs) == (gait_gru in edited.modules and edited.study == PUBLISHED)
    assert "silero" not in outputs
