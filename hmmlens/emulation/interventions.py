"""Interventions on the units of a network while it runs: factors, clamping and ablation.

Many changed copies of a network run at once. An intervention maps the copies that some rows run in
to the step of these rows. Interventions on what units send out need nothing but a ``step`` and hold
for every :class:`hmmlens.dynamics.protocol.DrivenNetwork`; those on the drive, the noise or the
gates of units need a cell that has them. The units of a state are the entries of ``state[0][0]``,
the hidden state of the first layer. For one changed network see
:mod:`hmmlens.dynamics.perturbations`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, NamedTuple, TypeGuard

import numpy as np
import torch
from torch import Tensor

from hmmlens.dynamics.jacobians import has_drive
from hmmlens.dynamics.protocol import DrivenNetwork
from hmmlens.errors import DataError
from hmmlens.rnn import gates
from hmmlens.rnn.noise_driven import Modulation, NoiseDriven
from hmmlens.rnn.recurrent_network import State
from hmmlens.typing import Bools, Floats, Int64s

#: A step of some rows, from their state and :func:`noise_input` to the state after it.
Step = Callable[[State, Tensor], State]
#: The step of rows, given the changed copy (row) that each of them runs in.
Intervention = Callable[[Tensor], Step]

#: How units are ablated. ``drive``: zero ablation of what they receive from other units, whereas
#: they keep their noise (factor 0 on the drive, as in Torre et al. 2025); ``output``: zero ablation
#: of what they send out; ``hold``: mean ablation, they send out a constant. Where units send out
#: both signs, 0 is not their resting value, and zero ablation may act as a kick of its own.
AblationMode = Literal["drive", "output", "hold"]


class Ablation(NamedTuple):
    """How units are ablated.

    Attributes
    ----------
    mode : str
        The way, see :data:`AblationMode`.
    value : ndarray of shape (unit) or (copy, unit)
        What units send out under ``hold``; ignored by the other modes.
    """

    mode: AblationMode
    value: Floats


def has_gates(network: DrivenNetwork) -> TypeGuard[NoiseDriven]:
    """Return whether the network has one layer of GRU or LSTM cells whose gates can be clamped.

    Parameters
    ----------
    network : DrivenNetwork

    Returns
    -------
    bool
        Whether gates can be clamped.
    """
    return isinstance(network, NoiseDriven) and network.cell in gates.GATES


def describe(network: DrivenNetwork) -> str:
    """Return the kind of a network for messages, such as ``gru cell``.

    Parameters
    ----------
    network : DrivenNetwork

    Returns
    -------
    str
        A noun without an article.
    """
    cell = getattr(network, "cell", None)
    return f"{cell} cell" if isinstance(cell, str) else f"network {type(network).__name__}"


def select_rows(state: State, rows: Tensor) -> State:
    """Return some rows of a state.

    Parameters
    ----------
    state : tuple of tuple of Tensor of shape (sequence, unit)
    rows : Tensor of shape (row)

    Returns
    -------
    tuple of tuple of Tensor of shape (row, unit)
        A state of those rows.
    """
    return tuple(tuple(part[rows] for part in entry) for entry in state)


def unit_masks(sets: Sequence[Int64s] | Int64s, n_units: int) -> Bools:
    """Return sets of units as masks.

    Parameters
    ----------
    sets : sequence of ndarray of shape (member)
        Numbers of units.
    n_units : int

    Returns
    -------
    ndarray of shape (set, unit)
        True for the members of each set.

    Examples
    --------
    >>> unit_masks([np.array([0]), np.array([1, 2])], n_units=3).astype(int).tolist()
    [[1, 0, 0], [0, 1, 1]]
    """
    masks = np.zeros((len(sets), n_units), dtype=bool)
    for row, units in zip(masks, sets, strict=True):
        row[units] = True
    return masks


def noise_input(network: DrivenNetwork, noise: Tensor) -> Tensor:
    """Return what the steps of an :data:`Intervention` take as the input from the noise.

    The product with the input weights, which is the same in all copies, is computed once where the
    cell allows for it; for other networks it is the noise itself.

    Parameters
    ----------
    network : DrivenNetwork
    noise : Tensor of shape (..., noise)

    Returns
    -------
    Tensor of shape (..., input)
        The input of the steps.
    """
    if has_drive(network):
        return network.received(noise)
    return gates.received(network, noise) if has_gates(network) else noise


def modulate_copies(
    network: DrivenNetwork,
    drive: Tensor | None = None,
    noise: Tensor | None = None,
    output: Tensor | None = None,
) -> Intervention:
    """Return copies with factors on units; no factor is no change.

    Parameters
    ----------
    network : DrivenNetwork
    drive : Tensor of shape (copy, unit), optional
        Factor on what a unit receives from other units.
    noise : Tensor of shape (copy, unit), optional
        Factor on what a unit receives from the noise.
    output : Tensor of shape (copy, unit), optional
        Factor on what a unit sends out. In cells with gates only factors of 0 have an effect.

    Returns
    -------
    callable
        An :data:`Intervention`.

    Raises
    ------
    DataError
        When the drive or the noise is to be changed of a network without one drive per unit.
    """
    if has_drive(network):
        return partial(_modulated, network, (drive, noise, output))
    if drive is not None or noise is not None:
        raise DataError(f"a {describe(network)} has not one drive per unit")
    if not has_gates(network):
        return partial(_scaled_output, network, output)
    if output is None:
        return lambda copies: lambda state, given: gates.advance(network, state, given).state
    return clamp_copies(network, gates.SENT, output == 0, output.new_zeros(output.shape[1]))


def _modulated(network: NoiseDriven, factors: Sequence[Tensor | None], copies: Tensor) -> Step:
    rows = Modulation(*(1.0 if factor is None else factor[copies] for factor in factors))
    return partial(network.advance, modulation=rows)


def _scaled_output(network: DrivenNetwork, output: Tensor | None, copies: Tensor) -> Step:
    if output is None:
        return network.step
    factor = output[copies]
    return lambda state, noise: _with_output(
        network.step(state, noise), lambda sent: factor.to(sent) * sent
    )


def _with_output(state: State, change: Callable[[Tensor], Tensor]) -> State:
    """Return a state whose units send out something else."""
    return ((change(state[0][0]), *state[0][1:]), *state[1:])


def clamp_copies(network: DrivenNetwork, gate: str, units: Tensor, value: Tensor) -> Intervention:
    """Return copies in which one gate of some units, or what they send out, is held at a value.

    Parameters
    ----------
    network : DrivenNetwork
    gate : str
        One of :data:`hmmlens.rnn.gates.GATES`; or, of every network, ``sent``: what units send out.
    units : Tensor of shape (copy, unit)
        Mask of the units that are clamped.
    value : Tensor of shape (unit) or (copy, unit)

    Returns
    -------
    callable
        Its steps raise a ``DataError`` when the network has no such gate.
    """

    def _intervention(copies: Tensor) -> Step:
        hold = gates.Hold(gate, units[copies], value if value.ndim == 1 else value[copies])
        if has_gates(network):
            return lambda state, given: gates.advance(network, state, given, hold).state
        if gate != gates.SENT:
            raise DataError(f"a {describe(network)} has no gate {gate!r}")
        step = network.advance if has_drive(network) else network.step
        return lambda state, given: _with_output(
            step(state, given), lambda sent: torch.where(hold.units, hold.value.to(sent), sent)
        )

    return _intervention


def ablate_copies(network: DrivenNetwork, units: Bools, ablation: Ablation) -> Intervention:
    """Return copies of a network in which units are ablated.

    Parameters
    ----------
    network : DrivenNetwork
    units : ndarray of shape (copy, unit)
        Mask of the units that are ablated.
    ablation : Ablation

    Returns
    -------
    callable
        An :data:`Intervention`.

    Raises
    ------
    DataError
        When the drive is to be ablated of a network without one drive per unit.
    """
    like = network.start(1)[0][0]
    if ablation.mode == "hold":
        mask = torch.from_numpy(units).to(like.device)
        return clamp_copies(network, gates.SENT, mask, torch.from_numpy(ablation.value).to(like))
    return modulate_copies(network, **{ablation.mode: torch.from_numpy(~units).to(like)})
