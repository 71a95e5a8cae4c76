"""Tasks in which pulses are counted: the toggle and the counters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hmmlens.datasets.synthetic.base import SyntheticDataset

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr

    from hmmlens.typing import Floats


class PulseData(SyntheticDataset):
    """Base of tasks whose target depends on the number of pulses so far."""

    if TYPE_CHECKING:
        pulse_probability: float

    def count_pulses(
        self,
        modulus: int,
        code: Floats,
        rng: np.random.Generator,
        attributes: dict[str, Any],
    ) -> xr.Dataset:
        """Return pulses whose targets encode their number so far, modulo a small number.

        Parameters
        ----------
        modulus : int
            Number of states.
        code : ndarray of shape (state, output)
            Target of each state.
        rng : numpy.random.Generator
            Source of the pulses and the split.
        attributes : dict
            ``target_names``, ``task`` and ``state_names``.

        Returns
        -------
        xarray.Dataset
            The arrays that :func:`hmmlens.datasets.build.build` documents.
        """
        import numpy as np

        from hmmlens.datasets.assembly import assemble
        from hmmlens.datasets.synthetic.automata import sample_pulses

        pulses, states = sample_pulses(
            modulus, self.pulse_probability, self.n_sequences, self.n_steps, rng
        )
        return assemble(
            pulses[..., None].astype(np.float32),
            code[states].astype(np.float32),
            states,
            self.sample_split(rng),
            np.arange(self.n_sequences),
            {
                "input_kind": "values",
                "target_kind": "values",
                "feature_names": ["pulse"],
                "target_names": attributes["target_names"],
                "task": attributes["task"],
                "target_delay": 0,
                "truth": "the number of pulses so far, modulo the number of states",
                "state_names": attributes["state_names"],
                "floor_mse": 0.0,
            },
        )
