"""Settings of datasets that are read from a user's own file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from hmmlens.settings import Section, Split

Text = Annotated[str, StringConstraints(min_length=1)]

#: What a table's file may be.
TABLE_ENDINGS = (".csv", ".csv.gz", ".parquet")


class Blocks(Section):
    """How one or two recordings are cut in time where the file says no split."""

    count: int = Field(default=40, ge=3, description="blocks of a recording in all, at most")
    shortest: int = Field(default=50, ge=2, description="steps of a block, at least")
    gap: int | None = Field(
        default=None,
        ge=0,
        description="steps between the splits that none reads; left out: a 20th of the recording",
    )


class FileData(Section):
    """What all datasets from a user's own file share."""

    path: Text = Field(description="relative to the folder in which the study is run")
    horizon: int | None = Field(
        default=None,
        ge=0,
        description="steps from an input to its target; left out: 0, or 1 where the file has no "
        "targets and the inputs themselves are predicted",
    )
    standardise: bool = Field(
        default=True, description="values less their mean, over their deviation, on train"
    )
    split: Split = Field(default=Split(), description="where the file says no split")
    split_by: Literal["sequence", "group"] | None = Field(
        default=None, description="left out: by group where the file has groups"
    )

    blocks: Blocks = Field(
        default=Blocks(), description="of files of one or two sequences without a split"
    )

    def files(self) -> list[Path]:
        """Return the file, or all files of a store, in a fixed order; none if it is not there."""
        path = Path(self.path)
        return sorted(p for p in (path.rglob("*") if path.is_dir() else [path]) if p.is_file())


class Columns(Section):
    """Which columns of a table hold what. A sequence's rows stand in order of time."""

    sequence: Text = Field(description="an id, the same on all rows of a sequence")
    time: Text = Field(description="numbers that rise within a sequence")
    inputs: list[Text] = Field(min_length=1)
    targets: list[Text] | None = Field(
        default=None, min_length=1, description="left out: the inputs, horizon steps ahead"
    )
    truth: Text | None = Field(
        default=None, description="labels that the states are compared with; empty: unknown"
    )
    group: Text | None = Field(
        default=None, description="a person or recording that must not be split"
    )
    split: Text | None = Field(default=None, description="words: train, select, test")


def _listed(names: str | list[str] | None) -> list[str]:
    """Return the columns of one entry."""
    return [names] if isinstance(names, str) else names or []


class TableData(FileData):
    """Your own sequences in a CSV or Parquet file, one row for each step."""

    kind: Literal["table"]
    columns: Columns
    input_kind: Literal["values", "symbols"] = Field(
        default="values", description="symbols: one column of whole numbers from 0"
    )
    target_kind: Literal["values", "symbols"] | None = Field(
        default=None, description="left out: as the inputs"
    )
    time_step: float | None = Field(
        default=None, gt=0, description="claims that steps lie this far apart, without a gap"
    )
    separator: Annotated[str, StringConstraints(min_length=1, max_length=1)] = Field(
        default=",", description="between the columns of a CSV file"
    )

    @model_validator(mode="after")
    def _fits_together(self) -> TableData:
        if not self.path.endswith(TABLE_ENDINGS):
            raise ValueError(
                f"path must end in {', '.join(TABLE_ENDINGS[:-1])} or {TABLE_ENDINGS[-1]}, "
                f"found {self.path!r}"
            )
        columns, targets = self.columns, self.columns.targets
        target_kind = self.target_kind or self.input_kind
        for key, names, kind in (
            ("inputs", columns.inputs, self.input_kind),
            ("targets", targets or [], target_kind),
        ):
            if len(set(names)) != len(names):
                raise ValueError(f"columns.{key} must name no column twice, found {names}")
            if kind == "symbols" and len(names) > 1:
                raise ValueError(f"symbols are one column, found columns.{key} {names}")
        if targets is None and target_kind != self.input_kind:
            raise ValueError(
                f"target_kind {target_kind} needs columns.targets; without it the inputs, which "
                f"are {self.input_kind}, are predicted"
            )
        if targets is None and self.horizon == 0:
            raise ValueError(
                "horizon 0 needs columns.targets; a network that predicts its present input "
                "learns to copy"
            )
        for key in ("sequence", "time", "split"):
            name = getattr(columns, key)
            others = [
                other
                for other in ("sequence", "time", "inputs", "targets", "truth", "group", "split")
                # A sequence may be its own group, and a network may read the time.
                if {key, other} not in ({"sequence", "group"}, {"time", "inputs"})
                and other != key
                and name in _listed(getattr(columns, other))
            ]
            if name is not None and others:
                raise ValueError(
                    f"columns.{key} and columns.{others[0]} both name the column {name!r}"
                )
        if self.split_by == "group" and columns.group is None:
            raise ValueError("split_by: group needs columns.group")
        return self


class NpzData(FileData):
    """Your own arrays in a NumPy .npz file: input, and if you have them target, length, ..."""

    kind: Literal["npz"]


class ZarrData(FileData):
    """Your own arrays in a Zarr store with named dimensions, of the same names as in npz."""

    kind: Literal["zarr"]
