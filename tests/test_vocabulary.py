"""Names, docstrings, messages and documentation use the terms of the field.

Each word that is refused stands with what to write in its place; ``docs/glossary.md`` explains the
terms. Words that stay are in ``vocabulary_kept.txt``, each with the path below which it may stand:
keys and names in files of users, values and sentences of tables, and words in another sense.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
#: What is refused, as a regular expression without regard to capitals, and what to write.
WORDS = {
    r"laws?": "distribution",
    r"told|tells?|telling": "report, state, show",
    r"says?|said|saying": "output, emit, state",
    r"hears?|heard|hearing|fed": "receive, be driven by",
    r"foretells?|foretold": "forecast, predict",
    r"rivals?": "baseline",
    r"left alone|leaves? alone|leaving alone": "autonomous dynamics, zero input",
    r"twins?": "untrained control",
    r"donors?": "source",
    r"receivers?": "base",
    r"swapped|gained": "interchange intervention",
    r"silenc(?:e|es|ed|ing)": "ablate, zero ablation",
    r"lik(?:est|elier)": "most similar, most likely, more likely",
    r"balls?": "covering number",
    r"unread": "off-target",
    r"speaks?|spoken|spoke": "emit, output",
    r"beside": "compared with, next to",
}
#: Any of them, which most lines lack: one search of a line instead of one for each word.
ANY = re.compile(rf"\b(?:{'|'.join(WORDS)})\b", re.IGNORECASE)
FOLDERS = ["hmmlens", "workflow", "docs", "benchmarks", "examples", "profiles"]
FILES = ["README.md", "Snakefile"]
SUFFIXES = (".py", ".smk", ".md", ".rst", ".typ", ".yaml", "Snakefile")


def kept() -> list[tuple[str, str]]:
    """Return each word that stays, with the beginning of the paths of files where it does."""
    lines = (Path(__file__).parent / "vocabulary_kept.txt").read_text().splitlines()
    pairs = (line.rpartition(" ") for line in lines if line and not line.startswith("#"))
    return [(word, path) for word, _, path in pairs]


def texts() -> list[str]:
    """Return the names of all files with text."""
    command = ["git", "ls-files", "--", *FOLDERS, *FILES]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.splitlines() if name.endswith(SUFFIXES)]


def words_apart(text: str) -> str:
    """Return a text with the words of names apart: ``output_law``, ``LawOf``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text).replace("_", " ")


def refused(name: str, text: str) -> list[tuple[int, str, str]]:
    """Return line, word and what to write for each refused word of a file."""
    stay = {word for word, path in kept() if name.startswith(path)}
    return [
        (number, match[0], better)
        for number, line in enumerate(words_apart(text).split("\n"), start=1)
        if ANY.search(line)
        for pattern, better in WORDS.items()
        for match in re.finditer(rf"\b(?:{pattern})\b", line, re.IGNORECASE)
        if match[0].lower() not in stay
    ]


@pytest.mark.parametrize("folder", [*FOLDERS, *FILES])
def test_terms_are_those_of_the_field(folder: str) -> None:
    found = [
        f"{name}:{line}: {word!r}: write {better}"
        for name in texts()
        if name == folder or name.startswith(f"{folder}/")
        for line, word, better in refused(name, (ROOT / name).read_text())
    ]
    assert not found, f"{len(found)} words:\n" + "\n".join(found[:200])


def test_no_word_is_kept_in_vain() -> None:
    content = {name: words_apart((ROOT / name).read_text()) for name in texts()}
    for word, path in kept():
        anywhere = re.compile(rf"\b{word}\b", re.IGNORECASE)
        assert any(
            name.startswith(path) and anywhere.search(text) for name, text in content.items()
        ), f"{word} {path}"


def test_names_are_read_word_by_word() -> None:
    text = "def output_law(): ...\nclass LawOf: ...\n# A lawn is left.\n"
    assert [found[:2] for found in refused("hmmlens/x.py", text)] == [(1, "law"), (2, "Law")]
