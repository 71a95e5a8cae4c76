"""The files of a module are those that Python finds in the user's folder, and no others."""

from __future__ import annotations

import modulefinder
from pathlib import Path

import pytest

from hmmlens.io import code_files

TREE = {
    "mine.py": "import json, numpy, torch\nimport helper\nfrom pack import deep\n",
    "helper.py": "def f():\n    from pack.sub.leaf import X\n",
    "pack/__init__.py": "",
    "pack/deep.py": "from . import near\nfrom .sub import leaf\n",
    "pack/near.py": "import mine\n",
    "pack/sub/__init__.py": "from ..far import *\n",
    "pack/sub/leaf.py": "X = 1\n",
    "pack/far.py": "from ...beyond import nothing\n",
    "pack/unused.py": "",
    "other.py": "",
}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name, text in TREE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def relative(paths: list[Path], place: Path) -> set[str]:
    return {path.resolve().relative_to(place).as_posix() for path in paths}


def test_files_are_those_that_python_finds(place: Path) -> None:
    # The folder alone, or all of torch would be read.
    finder = modulefinder.ModuleFinder([str(place)])
    finder.run_script(str(place / "mine.py"))
    loaded = {Path(m.__file__) for m in finder.modules.values() if m.__file__}
    found = code_files.of_module("mine", code_files.search_path(place))
    assert relative(found, place) == relative(sorted(loaded), place)
    assert relative(found, place) == set(TREE) - {"pack/unused.py", "other.py"}
    assert relative(code_files.of_file(place / "helper.py", []), place) == {
        *("helper.py", "pack/__init__.py", "pack/sub/__init__.py", "pack/sub/leaf.py"),
        "pack/far.py",
    }


def test_relative_folders_give_relative_files(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    found = code_files.of_module("pack.near", code_files.search_path(Path()))
    assert Path("pack/near.py") in found
    assert not any(path.is_absolute() for path in found)


def test_installed_modules_and_broken_files_end_the_search(place: Path) -> None:
    assert code_files.of_module("torch.nn", code_files.search_path(place)) == []
    assert code_files.of_module("hmmlens.io.store", code_files.search_path(place)) == []
    assert code_files.of_module("absent", [place]) == []
    (place / "helper.py").write_text("def f(:\n")
    found = relative(code_files.of_module("mine", [place]), place)
    assert "helper.py" in found


@pytest.mark.parametrize("name", ["mine.py", "pack/sub/leaf.py"])
def test_a_hash_changes_with_every_file(place: Path, name: str) -> None:
    def digest() -> str:
        return code_files.digest(code_files.of_module("mine", [place]))

    before = digest()
    (place / "pack/unused.py").write_text("Y = 2\n")
    assert digest() == before
    (place / name).write_text((place / name).read_text() + "# changed\n")
    assert digest() != before
