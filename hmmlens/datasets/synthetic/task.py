"""Tasks whose answer is known, see :mod:`hmmlens.datasets.synthetic.tasks`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, field_validator

from hmmlens.datasets.base import DATASETS
from hmmlens.datasets.synthetic.base import SyntheticDataset
from hmmlens.settings import Split

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr

    from hmmlens.datasets.synthetic.tasks.base import Sample, Task


@DATASETS.register("task", label="task")
class TaskData(SyntheticDataset):
    """A task of the suite by which the verdict's error rates are measured."""

    kind: Literal["task"]
    name: str = Field(description="a task of hmmlens.datasets.synthetic.tasks, such as flipflop2")
    n_sequences: int = Field(default=250, ge=5)
    n_steps: int = Field(default=100, ge=2)
    split: Split = Split()

    @field_validator("name")
    @classmethod
    def _registered(cls, name: str) -> str:
        from hmmlens.datasets.synthetic.tasks import TASKS
        from hmmlens.errors import did_you_mean

        if name not in TASKS:
            raise ValueError(
                f"there is no task {name!r}{did_you_mean(name, list(TASKS))}; "
                f"allowed: {', '.join(TASKS)}"
            )
        return name

    def build(
        self, rng: np.random.Generator, source: Path | None = None, frozen: bool = False
    ) -> xr.Dataset:
        """Return the sequences of the task, and what is known of it among the attributes.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of everything that is sampled.
        source : pathlib.Path, optional
            The file of the class's ``source``, where it has one.
        frozen : bool
            Whether no network is trained on the dataset.

        Returns
        -------
        xarray.Dataset
            See :func:`hmmlens.datasets.build.build`. The attributes ``answer``, ``half`` and
            ``memory``, and ``n_states`` and ``n_moore`` where there are states, are those of
            :class:`hmmlens.datasets.synthetic.tasks.base.Task`.
        """
        import numpy as np

        from hmmlens.datasets.assembly import assemble
        from hmmlens.datasets.synthetic.tasks import TASKS

        task = TASKS[self.name]
        sample = task.sample(self.n_sequences, self.n_steps, rng)
        size = (self.n_sequences, self.n_steps)
        inputs, target = (
            a.astype(np.int16 if a.ndim == 2 else np.float32)
            for a in (sample.inputs, sample.target)
        )
        return assemble(
            inputs,
            target,
            np.full(size, -1) if sample.states is None else sample.states,
            self.sample_split(rng),
            np.arange(self.n_sequences),
            _attributes(task, sample),
        )


def _attributes(task: Task, sample: Sample) -> dict[str, Any]:
    """Return the attributes of a task's sequences."""
    known: dict[str, Any] = {
        "task": task.description,
        "target_delay": task.target_delay,
        "truth": "the state of the minimal machine",
        "state_names": list(task.state_names)
        or [f"state {i + 1}" for i in range(task.n_states or 0)],
        "answer": task.answer,
        "half": task.half,
        "memory": task.memory,
    }
    if task.answer == "belief":
        known["truth"] = "the state of the source"
    elif task.answer == "mixed":
        known["truth"] = "the discrete part of the state"
    elif task.n_states is None:
        known["truth"] = "none: there are no discrete states"
    if task.n_states is not None:
        known |= {"n_states": task.n_states, "n_moore": task.n_moore}
    for name, values, n_symbols, names in (
        ("input", sample.inputs, task.n_symbols, task.symbol_names),
        ("target", sample.target, task.n_targets, task.target_names),
    ):
        known[f"{name}_kind"] = "values" if n_symbols is None else "symbols"
        key = "feature_names" if name == "input" else "target_names"
        if names:
            known[key] = list(names)
        elif n_symbols is None:
            known[key] = [f"{name} {i + 1}" for i in range(values.shape[2])]
    if task.n_symbols is not None:
        known["n_symbols"] = task.n_symbols
    if task.n_targets is not None and task.n_targets != task.n_symbols:
        known["n_target_symbols" if "n_symbols" in known else "n_symbols"] = task.n_targets
    if sample.floor is not None:
        known["floor_mse" if task.n_targets is None else "floor_nll"] = sample.floor
    return known
