"""Sequences in a CSV or Parquet file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from hmmlens.datasets.base import DATASETS
from hmmlens.datasets.own.base import FileData, Text
from hmmlens.settings import Section

if TYPE_CHECKING:
    from hmmlens.datasets.content import Content


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


@DATASETS.register("table", label="table")
class TableData(FileData):
    """Your own sequences in a CSV or Parquet file, one row for each step."""

    endings = (".csv", ".csv.gz", ".parquet")

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
        if not self.path.endswith(self.endings):
            raise ValueError(
                f"path must end in {', '.join(self.endings[:-1])} or {self.endings[-1]}, "
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

    def n_values_per_step(self) -> int:
        """Return the number of columns of inputs and targets.

        Returns
        -------
        int
            Input and target together.
        """
        return len(self.columns.inputs) + len(self.columns.targets or self.columns.inputs)

    def read(self, missing: bool = False) -> Content:
        """Return what the table holds; see :func:`hmmlens.datasets.own.tables.read_table`.

        Parameters
        ----------
        missing : bool, default=False
            Whether values of inputs may be missing.

        Returns
        -------
        Content
            Sequences, padded to the longest.
        """
        from hmmlens.datasets.own.tables import read_table
        from hmmlens.io.input_files import check_file

        check_file(self.path)
        return read_table(Path(self.path), self, missing)
