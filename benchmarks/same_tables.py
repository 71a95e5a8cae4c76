"""Compare the CSV tables of two result folders of one study, byte for byte.

    python benchmarks/same_tables.py BEFORE AFTER

Use it around a change that must move no result. Measured times and memory differ between any two
runs; they are left out, and listed. Exits with 1 where tables are missing, new or different.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

#: How columns with measured times and memory begin, and how rows of criteria about these do.
MEASURED = ("seconds", "cpu", "wall", "memory_mb")
CRITERION = "CPU time"


def tables(folder: Path) -> set[str]:
    """Return the names of all tables below a folder, without those of benchmarks."""
    names = {path.relative_to(folder) for path in folder.rglob("*.csv")}
    return {name.as_posix() for name in names if name.parts[0] != "benchmarks"}


def difference(before: Path, after: Path) -> str:
    """Return how two tables differ, or nothing where measured times and memory alone do."""
    one, two = (pd.read_csv(path, dtype=str, keep_default_na=False) for path in (before, after))
    if list(one.columns) != list(two.columns):
        return f"columns {sorted(set(one.columns) ^ set(two.columns))}"
    if one.shape != two.shape:
        return f"{len(one)} rows before, {len(two)} after"
    kept = ~one.apply(lambda column: column.str.startswith(CRITERION)).any(axis=1)
    columns = [name for name in one if (one[name] != two[name])[kept].any()]
    return ", ".join(name for name in columns if not name.startswith(MEASURED))


def main() -> int:
    """Compare two folders and print what differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    args = parser.parse_args()
    before, after = tables(args.before), tables(args.after)
    for name in sorted(before - after):
        print(f"missing: {name}")
    for name in sorted(after - before):
        print(f"new: {name}")
    different = timed = 0
    for name in sorted(before & after):
        if (args.before / name).read_bytes() == (args.after / name).read_bytes():
            continue
        if found := difference(args.before / name, args.after / name):
            different += 1
            print(f"different: {name}: {found}")
        else:
            timed += 1
            print(f"measurements only: {name}")
    same = len(before & after) - different - timed
    print(
        f"{same} tables have the same bytes, {timed} differ in times or memory, {different} differ"
    )
    return int(bool(different or before ^ after))


if __name__ == "__main__":
    sys.exit(main())
