"""The outputs of a network and what is known of its states, on the recorded sequences."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hmmlens.futures.summary import Summary
from hmmlens.interpretation.input_events import InputEvents, of_store
from hmmlens.recording.activations import output_distribution
from hmmlens.typing import Floats
from hmmlens.validation.certified import Certified, certified_by
from hmmlens.validation.certified_model import transitions_given_input


class Network(NamedTuple):
    """The outputs of a network on the recorded sequences.

    Attributes
    ----------
    distribution : ndarray of shape (sequence, time, output)
        Output of the network; what stands past a sequence's length is ignored.
    kind : str
        ``symbols`` or ``values``.
    length : ndarray of shape (sequence,)
        Number of steps.
    split : ndarray of shape (sequence,)
        0 for train, 1 for select, 2 for test.
    truth : ndarray of shape (sequence, time)
        True states, -1 where unknown.
    group : ndarray of shape (sequence,) or None
        To whom or what each sequence belongs; None where that is not known.
    certified : Certified or None
        States that futures certify.
    events : InputEvents or None
        Input events of the recorded sequences.
    input_transmat : ndarray of shape (event, state, next_state) or None
        Transition probabilities of the certified states under each event.
    """

    distribution: NDArray[np.float64]
    kind: str
    length: NDArray[np.integer]
    split: NDArray[np.integer]
    truth: NDArray[np.integer]
    group: NDArray[np.integer] | None = None
    certified: Certified | None = None
    events: InputEvents | None = None
    input_transmat: Floats | None = None


def network_of(root: xr.Dataset, sequences: xr.Dataset, futures: Summary | None = None) -> Network:
    """Return the :class:`Network` of an activations store.

    Parameters
    ----------
    root : Dataset
        Root of the ``activations`` store.
    sequences : Dataset
        The ``sequences`` store.
    futures : Summary, optional
        Futures of the network.

    Returns
    -------
    Network
        Outputs and truth of the recorded sequences.
    """
    kind = str(sequences.attrs["target_kind"])
    chosen = root["sequence"].to_numpy()
    length, split = root["length"].to_numpy(), root["split"].to_numpy()
    certified, events, input_transmat = certified_by(futures), None, None
    if certified is not None:
        events = of_store(sequences.attrs, sequences["input"].to_numpy()[chosen], length)
        input_transmat = transitions_given_input(certified, events, split == 0)
    return Network(
        output_distribution(root["output"].to_numpy().astype(np.float64), kind),
        kind,
        length,
        split,
        sequences["state"].to_numpy()[chosen].astype(np.int64),
        groups_of(sequences, chosen),
        certified,
        events,
        input_transmat,
    )


def groups_of(sequences: xr.Dataset, chosen: NDArray[np.integer]) -> NDArray[np.integer] | None:
    """Return to whom or what each chosen sequence belongs.

    Blocks of one recording belong together, unless groups are given.

    Parameters
    ----------
    sequences : Dataset
        The ``sequences`` store.
    chosen : ndarray of shape (chosen,)
        Which of its sequences were recorded.

    Returns
    -------
    ndarray of shape (chosen,) or None
        None where it is not known.
    """
    group = sequences["group"].to_numpy() if "group" in sequences else None
    own = group is None or len(np.unique(group)) == len(group)
    if own and "recording" in sequences:
        group = sequences["recording"].to_numpy()
    return None if group is None else np.asarray(group[chosen])
