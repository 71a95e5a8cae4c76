"""Symbols sampled from a hidden Markov model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from hmmlens.datasets.base import DATASETS
from hmmlens.datasets.synthetic.base import SyntheticDataset
from hmmlens.settings import Probability, Split

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr

    from hmmlens.datasets.synthetic.machines import StateForm

# fmt: off
Preset = Literal["chain2", "chain3", "chain4", "chain5", "fully3", "cyclic4",
                 "fully5", "fully8", "mess3", "rrxor", "z1r"]
# fmt: on


@DATASETS.register("hmm", label="hidden Markov model")
class HMMData(SyntheticDataset):
    """Symbols sampled from a hidden Markov model: a preset, or explicit matrices."""

    kind: Literal["hmm"]
    preset: Preset | None = Field(default=None, description="a target by its name")
    startprob: list[Probability] | None = Field(default=None, description="initial law, (n_states)")
    transmat: list[list[Probability]] | None = Field(
        default=None, description="transition matrix, (n_states, n_states), rows add up to 1"
    )
    emissionprob: list[list[Probability]] | None = Field(
        default=None, description="symbol laws, (n_states, n_symbols), rows add up to 1"
    )
    n_sequences: int = Field(default=250, ge=5)
    n_steps: int = Field(default=200, ge=2)
    split: Split = Split()

    @model_validator(mode="after")
    def _one_source(self) -> HMMData:
        sources = ("preset", "startprob", "transmat", "emissionprob")
        given = [key for key in sources if getattr(self, key) is not None]
        if given not in (["preset"], list(sources[1:])):
            raise ValueError(
                "give either preset, or all three of startprob, transmat and emissionprob, "
                f"found {' and '.join(given) or 'none of them'}"
            )
        startprob, transmat, emissionprob = self.startprob, self.transmat, self.emissionprob
        if startprob is not None and transmat is not None and emissionprob is not None:
            from hmmlens.datasets.synthetic.generators import check_hmm

            check_hmm(startprob, transmat, emissionprob)
        return self

    def build(
        self, rng: np.random.Generator, source: Path | None = None, frozen: bool = False
    ) -> xr.Dataset:
        """Return symbols whose targets are the next symbols, and the model's own arrays.

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
        from hmmlens.datasets.synthetic.generators import sample_hmm

        (hmm, truth_of), names = self._model()
        symbols, states = sample_hmm(hmm, self.n_sequences, self.n_steps, rng)
        target = np.full_like(symbols, -1)
        target[:, :-1] = symbols[:, 1:]
        data = assemble(
            symbols.astype(np.int16),
            target.astype(np.int16),
            truth_of[states],
            self.sample_split(rng),
            np.arange(self.n_sequences),
            {
                "input_kind": "symbols",
                "target_kind": "symbols",
                "n_symbols": hmm.emissionprob.shape[1],
                "task": "predict the next symbol",
                "target_delay": 1,
                "truth": "the state of the generating hidden Markov model",
                "state_names": names,
            },
        )
        return data.assign(
            startprob=("state_from", hmm.startprob),
            transmat=(("state_from", "state_to"), hmm.transmat),
            emissionprob=(("state_from", "symbol"), hmm.emissionprob),
            truth_of=("state_from", truth_of),
        )

    def _model(self) -> tuple[StateForm, list[str]]:
        """Return the model, which true state each of its states is, and the true states' names."""
        import numpy as np

        from hmmlens.datasets.synthetic import generators, machines

        if self.preset in machines.MACHINES:
            machine = machines.MACHINES[self.preset]
            return machines.state_form(machine), list(machine.state_names)
        if self.preset is not None:
            hmm = generators.preset_hmm(self.preset)
        else:
            hmm = generators.check_hmm(
                self.startprob or [], self.transmat or [], self.emissionprob or []
            )
        n = len(hmm.startprob)
        return machines.StateForm(hmm, np.arange(n)), [f"s{i + 1}" for i in range(n)]
