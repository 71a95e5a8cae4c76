"""The grammars of Tomita 1982, whose words a small automaton recognises."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from hmmlens.datasets.base import DATASETS
from hmmlens.datasets.synthetic.base import SyntheticDataset
from hmmlens.settings import Split

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr


@DATASETS.register("tomita", label="Tomita grammar")
class TomitaData(SyntheticDataset):
    """A Tomita grammar: the target says whether the word so far is in the language."""

    kind: Literal["tomita"]
    grammar: int = Field(ge=1, le=7)
    mistake_probability: float = Field(
        default=0.02,
        gt=0,
        lt=1,
        description="per step, that a word must become decided for good as soon as it can",
    )
    n_sequences: int = Field(default=250, ge=5)
    n_steps: int = Field(default=100, ge=2)
    split: Split = Split()

    def build(
        self, rng: np.random.Generator, source: Path | None = None, frozen: bool = False
    ) -> xr.Dataset:
        """Return symbols whose targets are whether the word so far is in the language.

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
            See :func:`hmmlens.datasets.build.build`.
        """
        import numpy as np

        from hmmlens.datasets.assembly import assemble
        from hmmlens.datasets.synthetic import automata

        automaton = automata.tomita(self.grammar)
        symbols, accepted, states = automata.sample_words(
            automaton, self.mistake_probability, self.n_sequences, self.n_steps, rng
        )
        language = automata.TOMITA_TEXT[self.grammar]
        return assemble(
            symbols.astype(np.int16),
            accepted.astype(np.int16),
            states,
            self.sample_split(rng),
            np.arange(self.n_sequences),
            {
                "input_kind": "symbols",
                "target_kind": "symbols",
                "n_symbols": 2,
                "task": f"say whether the word so far is in the language: {language}",
                "target_delay": 0,
                "truth": "the state of the minimal automaton",
                "state_names": [
                    f"q{i}{'+' if accepts else '-'}" for i, accepts in enumerate(automaton.accepts)
                ],
                "floor_nll": 0.0,
            },
        )
