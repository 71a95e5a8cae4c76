"""Write the JSON Schemas of studies: ``python -m hmmlens.study.schema [--check] [FOLDER]``.

Editors complete and check ``config.yaml`` against ``workflow/schemas/config.schema.json``, and
studies of other kinds against the schema of their own. The files are made from the models in
:mod:`hmmlens.study.config` and its neighbours, and never edited by hand.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from hmmlens.settings import Section
from hmmlens.study.config import Study
from hmmlens.study.emulation_study import EmulationStudy
from hmmlens.study.roundtrip_study import RoundTripStudy

#: Where the files lie in a clone of the repository.
FOLDER = Path("workflow") / "schemas"
#: file -> the model that it is made from.
FILES: dict[str, type[Section]] = {
    "config.schema.json": Study,
    "roundtrip.schema.json": RoundTripStudy,
    "emulation.schema.json": EmulationStudy,
}


def text(model: type[Section] = Study) -> str:
    """Return the JSON Schema of a kind of study, as it is written to its file.

    Parameters
    ----------
    model : type
        The settings of the study.

    Returns
    -------
    str
        JSON text.
    """
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **model.model_json_schema(),
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Write the files, or with ``--check`` only report whether they agree with the models.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; by default those of the process.

    Returns
    -------
    int
        Exit code.
    """
    parser = argparse.ArgumentParser(
        prog="python -m hmmlens.study.schema", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if it differs")
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER, help=f"default: {FOLDER}")
    args = parser.parse_args(argv)
    if not args.folder.is_dir():
        print(f"there is no folder {args.folder}; name one, or run it in a clone", file=sys.stderr)
        return 2
    differ = 0
    for name, model in FILES.items():
        path = args.folder / name
        if not args.check:
            path.write_text(text(model), encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text(model):
            module = model.__module__.replace(".", "/")
            print(
                f"{path}: differs from {module}.py; run python -m hmmlens.study.schema",
                file=sys.stderr,
            )
            differ = 1
    return differ


if __name__ == "__main__":
    sys.exit(main())
