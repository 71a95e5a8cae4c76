"""Write the JSON Schemas of studies: ``python -m hmmlens.study.schema [--check]``.

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

PATH = Path(__file__).resolve().parents[2] / "workflow" / "schemas" / "config.schema.json"
ROUNDTRIP_PATH = PATH.with_name("roundtrip.schema.json")
EMULATION_PATH = PATH.with_name("emulation.schema.json")


def text(model: type[Section] = Study) -> str:
    """Return the JSON Schema of a kind of study, as it is written to its file."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **model.model_json_schema(),
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Write the files, or with ``--check`` only say whether they are in step with the models."""
    parser = argparse.ArgumentParser(
        prog="python -m hmmlens.study.schema", description=main.__doc__
    )
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if it differs")
    check = parser.parse_args(argv).check
    differ = 0
    kinds = ((PATH, Study), (ROUNDTRIP_PATH, RoundTripStudy), (EMULATION_PATH, EmulationStudy))
    for path, model in kinds:
        if not check:
            path.write_text(text(model), encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text(model):
            module = model.__module__.replace(".", "/")
            told = f"{path}: differs from {module}.py; run python -m hmmlens.study.schema"
            print(told, file=sys.stderr)
            differ = 1
    return differ


if __name__ == "__main__":
    sys.exit(main())
