"""The cells of this package by name, with what can be known of them without torch.

:data:`hmmlens.rnn.equations.CELLS` holds the cells for which torch has layers. Here are those whose
layers are modules of this package; settings read the names of both, and
:class:`hmmlens.rnn.recurrent_network.RecurrentNetwork` makes networks of either.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NamedTuple

from hmmlens.registry import Registry

if TYPE_CHECKING:
    from hmmlens.rnn.cells.layer import CellLayer

#: How the memory enters its own update. fixed: times constants; gated: times numbers between 0 and
#: 1 that the input sets; nonlinear: by way of gates that read the state.
Recurrence = Literal["fixed", "gated", "nonlinear"]


class ModernCell(NamedTuple):
    """One kind of recurrent cell.

    Attributes
    ----------
    module : str
        Module of this package that holds the layer.
    layer : str
        Name of its class.
    recurrence : str
        See :data:`Recurrence`.
    n_memory : callable
        Takes the number of units and returns the number of entries of the memory.
    """

    module: str
    layer: str
    recurrence: Recurrence
    n_memory: Callable[[int], int]

    def layer_type(self) -> Callable[[int, int], CellLayer]:
        """Return the class of layers.

        Returns
        -------
        type
            It is called with the numbers of inputs and of units.
        """
        module = importlib.import_module(f"hmmlens.rnn.cells.{self.module}")
        found: Callable[[int, int], CellLayer] = getattr(module, self.layer)
        return found


#: Defaults of the layers, on which the size of their memory depends.
S4D_STATES, MAMBA_EXPANSION, MAMBA_STATES, MAMBA_WINDOW = 4, 2, 4, 4
#: Largest size of a head of mLSTM.
LARGEST_HEAD = 8


def head_size(n_units: int) -> int:
    """Return the size of the heads of an mLSTM layer.

    Parameters
    ----------
    n_units : int
        Units of the layer.

    Returns
    -------
    int
        The largest divisor of ``n_units`` up to :data:`LARGEST_HEAD`.

    Examples
    --------
    >>> head_size(32), head_size(20), head_size(5)
    (8, 5, 5)
    """
    return max(size for size in range(1, LARGEST_HEAD + 1) if n_units % size == 0)


def _mamba(n_units: int) -> int:
    return MAMBA_EXPANSION * n_units * (MAMBA_STATES + MAMBA_WINDOW - 1)


def _mlstm(n_units: int) -> int:
    size = head_size(n_units)
    return n_units * size + n_units + n_units // size


#: Every cell by its name in studies and tables.
MODERN: Registry[ModernCell] = Registry("cell")
for _name, _label, _cell in (
    ("mingru", "minGRU", ModernCell("minimal", "MinGRU", "gated", lambda n: n)),
    ("minlstm", "minLSTM", ModernCell("minimal", "MinLSTM", "gated", lambda n: n)),
    ("lru", "LRU", ModernCell("diagonal", "LRU", "fixed", lambda n: 2 * n)),
    ("s4d", "S4D", ModernCell("diagonal", "S4D", "fixed", lambda n: 2 * S4D_STATES * n)),
    ("mamba", "Mamba", ModernCell("mamba", "Mamba", "gated", _mamba)),
    ("slstm", "sLSTM", ModernCell("xlstm", "SLSTM", "nonlinear", lambda n: 3 * n)),
    ("mlstm", "mLSTM", ModernCell("xlstm", "MLSTM", "gated", _mlstm)),
    ("rwkv", "RWKV-4", ModernCell("rwkv", "RWKV", "fixed", lambda n: 4 * n)),
):
    MODERN.register(_name, label=_label)(_cell)
