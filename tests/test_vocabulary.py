"""Names, docstrings, messages and documentation use the terms of the field.

Each word that is refused stands with what to write in its place; see ``docs/glossary.md``.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.workflow.runs import ROOT

#: What is refused, as a regular expression without regard to capitals, and what to write.
WORDS = {
    r"laws?": "distribution",
    r"told|tells?|telling": "report, state, show",
    r"says?|said|saying": "output, emit, state",
    r"hears?|heard|hearing": "receive",
    r"foretells?|foretold": "forecast, predict",
    r"rivals?": "baseline",
    r"left alone|leaves? alone|leaving alone": "autonomous dynamics, zero input",
    r"twins?": "untrained control",
    r"donors?": "source",
    r"silenc(?:e|es|ed|ing)": "ablate, zero ablation",
    r"lik(?:est|elier to say)": "most similar, most likely",
    r"balls?": "covering number",
    r"unread": "off-target",
    r"speaks?|spoken|spoke": "emit, output",
}
#: What stays: keys and names that users have in their files, and words with another meaning.
KEPT = {
    r"law": ("hmmlens/datasets/synthetic/", "hmmlens/study/schema.py", "workflow/studies/"),
    r"laws": ("hmmlens/datasets/synthetic/",),
    r"say": ("hmmlens/datasets/recorded/speech.py",),
    r"spoken": ("hmmlens/datasets/recorded/speech.py",),
}
SUFFIXES = {".py", ".smk", ".md", ".rst", ".typ", ".yaml"}
ROOMS = sorted(
    {"README.md", "docs", "workflow", "benchmarks", "examples", "Snakefile", "profiles"}
    | {f"hmmlens/{p.name}" for p in (ROOT / "hmmlens").iterdir() if p.name != "__pycache__"}
)


def files(room: str) -> list[Path]:
    """Return the files of text below a folder, or the file itself."""
    path = ROOT / room
    below = [path] if path.is_file() else sorted(path.rglob("*"))
    return [p for p in below if p.is_file() and (p.suffix in SUFFIXES or p.name == "Snakefile")]


def words(text: str) -> str:
    """Return a text with the words of names apart: ``output_law``, ``LawOf``."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text)
    return apart.replace("_", " ")


@pytest.mark.parametrize("room", ROOMS)
def test_terms_are_those_of_the_field(room: str) -> None:
    found = []
    for path in files(room):
        place = path.relative_to(ROOT).as_posix()
        for number, line in enumerate(words(path.read_text()).split("\n"), start=1):
            for pattern, better in WORDS.items():
                for match in re.finditer(rf"\b(?:{pattern})\b", line, re.IGNORECASE):
                    kept = KEPT.get(match[0].lower(), ())
                    if not any(place.startswith(start) for start in kept):
                        found.append(f"{place}:{number}: {match[0]!r}: write {better}")
    assert not found, f"{len(found)} words:\n" + "\n".join(found[:200])


def test_every_folder_is_looked_at() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "hmmlens", "workflow", "docs"], cwd=ROOT, capture_output=True, text=True
    ).stdout.split()
    looked = {p.relative_to(ROOT).as_posix() for room in ROOMS for p in files(room)}
    assert {name for name in listed if Path(name).suffix in SUFFIXES} <= looked
