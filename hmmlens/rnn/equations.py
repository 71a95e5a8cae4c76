"""The equations of the recurrent cells, once, for arrays of NumPy and of torch.

They are written for the weights of torch's layers: Elman 1990 (tanh or relu); GRU of Cho et al.
2014, with the reset gate applied after the product; LSTM of Hochreiter and Schmidhuber 1997 with a
forget gate (Gers et al. 2000). Recording evaluates them for many steps at once
(:mod:`hmmlens.rnn.layer_steps`), interventions with one gate held (:mod:`hmmlens.rnn.gates`).

Only cells for which torch has a layer can be entries of :data:`CELLS`; all four are there. Nothing
heavy is imported here, because the settings of networks read the registry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from hmmlens.registry import Registry

if TYPE_CHECKING:
    from hmmlens.typing import Floats

#: Takes a gate's name, pre-activation and activation; returns the activation that is used.
Keep = Callable[[str, Any, Any], Any]


class Arithmetic(NamedTuple):
    """Functions of an array library with which the equations are evaluated.

    Attributes
    ----------
    sigmoid, tanh, relu : callable
        Functions of one array, elementwise.
    multiply_add : callable
        ``multiply_add(a, b, c)`` is a + b * c. Whether it rounds once or twice is the library's
        choice.
    """

    sigmoid: Callable[[Any], Any]
    tanh: Callable[[Any], Any]
    relu: Callable[[Any], Any]
    multiply_add: Callable[[Any, Any, Any], Any]


#: Takes what the gates receive from the input and from the hidden state, each (..., gate * unit),
#: the state before the step, the arithmetic and a :data:`Keep`; returns the state after the step.
Equations = Callable[[Any, Any, tuple[Any, ...], Arithmetic, Keep], tuple[Any, ...]]


class Cell(NamedTuple):
    """One kind of recurrent cell.

    Attributes
    ----------
    torch_name : str
        Name of torch's functional kernel, ``gru`` of ``torch.gru`` and ``torch.gru_cell``.
    layer : str
        Name of torch's class of layers, ``GRU`` of ``torch.nn.GRU`` and ``torch.nn.GRUCell``.
    equations : callable
        The equations of one step.
    gates : mapping of str to str, default={}
        Name of each gate in recordings, in the order in which torch stacks their weights, and its
        name in the tables of emulation studies. Empty for a cell without gates.
    n_states : int, default=1
        Arrays in the state: 2 for a hidden state and a cell state.
    options : mapping, default={}
        Options of torch's layer.
    emulation_name : str, default=""
        Name of the cell in emulation studies; empty where they cannot have it.
    trainable : bool, default=True
        Whether a study may train networks of this cell, or only load them.
    """

    torch_name: str
    layer: str
    equations: Equations
    gates: Mapping[str, str] = {}
    n_states: int = 1
    options: Mapping[str, Any] = {}
    emulation_name: str = ""
    trainable: bool = True

    @property
    def n_blocks(self) -> int:
        """Return the number of blocks of rows in the weights, one for each gate.

        Returns
        -------
        int
            1 for a cell without gates.
        """
        return max(1, len(self.gates))

    def layer_type(self) -> Any:
        """Return torch's class of layers.

        Returns
        -------
        type
            Such as ``torch.nn.GRU``.
        """
        from torch import nn

        return getattr(nn, self.layer)

    def cell_type(self) -> Any:
        """Return torch's class of single cells.

        Returns
        -------
        type
            Such as ``torch.nn.GRUCell``.
        """
        from torch import nn

        return getattr(nn, f"{self.layer}Cell")


def _blocks(values: Any, n: int) -> list[Any]:
    """Return ``n`` equal parts of the last dimension."""
    size = values.shape[-1] // n
    return [values[..., k * size : (k + 1) * size] for k in range(n)]


def _elman(activation: str) -> Equations:
    """Return h' = f(W x + U h + b) for f of :class:`Arithmetic`."""

    def equations(
        received: Any, recurrent: Any, state: tuple[Any, ...], arithmetic: Arithmetic, keep: Keep
    ) -> tuple[Any, ...]:
        total = received + recurrent
        return (keep("hidden", total, getattr(arithmetic, activation)(total)),)

    return equations


def _gru(
    received: Any, recurrent: Any, state: tuple[Any, ...], arithmetic: Arithmetic, keep: Keep
) -> tuple[Any, ...]:
    """Return h' = (1 - z) n + z h with r, z = s(W x + U h), n = tanh(W x + r * U h)."""
    (x_r, x_z, x_n), (h_r, h_z, h_n) = _blocks(received, 3), _blocks(recurrent, 3)
    reset_in, update_in = x_r + h_r, x_z + h_z
    reset = keep("reset_gate", reset_in, arithmetic.sigmoid(reset_in))
    update = keep("update_gate", update_in, arithmetic.sigmoid(update_in))
    candidate_in = arithmetic.multiply_add(x_n, reset, h_n)
    candidate = keep("candidate", candidate_in, arithmetic.tanh(candidate_in))
    return (candidate + update * (state[0] - candidate),)


def _lstm(
    received: Any, recurrent: Any, state: tuple[Any, ...], arithmetic: Arithmetic, keep: Keep
) -> tuple[Any, ...]:
    """Return c' = f c + i g, h' = o tanh(c') with i, f, o = s(W x + U h), g = tanh(W x + U h)."""
    i, f, g, o = _blocks(received + recurrent, 4)
    put = keep("input_gate", i, arithmetic.sigmoid(i))
    forget = keep("forget_gate", f, arithmetic.sigmoid(f))
    candidate = keep("candidate", g, arithmetic.tanh(g))
    cell = arithmetic.multiply_add(put * candidate, forget, state[1])
    output = keep("output_gate", o, arithmetic.sigmoid(o))
    return output * arithmetic.tanh(cell), cell


#: Every cell by its name in studies and tables.
CELLS: Registry[Cell] = Registry("cell")
CELLS.register("vanilla relu", label="ReLU")(
    Cell(
        "rnn_relu",
        "RNN",
        _elman("relu"),
        options={"nonlinearity": "relu"},
        emulation_name="relu",
        trainable=False,
    )
)
CELLS.register("vanilla", label="tanh")(
    Cell("rnn_tanh", "RNN", _elman("tanh"), emulation_name="tanh")
)
CELLS.register("gru", label="GRU")(
    Cell(
        "gru",
        "GRU",
        _gru,
        {"reset_gate": "reset", "update_gate": "update", "candidate": "candidate"},
        emulation_name="gru",
    )
)
CELLS.register("lstm", label="LSTM")(
    Cell(
        "lstm",
        "LSTM",
        _lstm,
        {
            "input_gate": "input",
            "forget_gate": "forget",
            "candidate": "cell",
            "output_gate": "output",
        },
        n_states=2,
        emulation_name="lstm",
    )
)

#: Cells that a study may train.
TRAINABLE: tuple[str, ...] = tuple(name for name, cell in CELLS.items() if cell.trainable)
#: The name in :data:`CELLS` of each cell, by its name in emulation studies.
EMULATING: dict[str, str] = {
    cell.emulation_name: name for name, cell in CELLS.items() if cell.emulation_name
}
#: The name in :data:`CELLS` of each cell, by the name of torch's kernel.
BY_TORCH_NAME: dict[str, str] = {cell.torch_name: name for name, cell in CELLS.items()}


def numpy_step(
    cell: str, weights: Mapping[str, Floats], inputs: Floats, state: tuple[Floats, ...]
) -> tuple[tuple[Floats, ...], dict[str, Floats], dict[str, Floats]]:
    """Compute one step of a cell in NumPy.

    Parameters
    ----------
    cell : str
        Name in :data:`CELLS`.
    weights : mapping of str to ndarray
        ``weight_ih`` (gate * unit, feature), ``weight_hh`` (gate * unit, unit) and, where there
        are biases, ``bias_ih`` and ``bias_hh`` (gate * unit), as in torch's layers.
    inputs : ndarray of shape (..., feature)
        What the cell reads.
    state : tuple of ndarray of shape (..., unit)
        Hidden state and, of an LSTM, cell state before the step.

    Returns
    -------
    state : tuple of ndarray of shape (..., unit)
        The state after the step.
    gates : dict of str to ndarray of shape (..., unit)
        Activation of each gate.
    preactivations : dict of str to ndarray of shape (..., unit)
        Pre-activation of each gate; of a cell without gates, that of ``hidden``.

    Examples
    --------
    >>> import numpy as np
    >>> weights = {"weight_ih": np.eye(2), "weight_hh": np.zeros((2, 2))}
    >>> (hidden,), _, _ = numpy_step("vanilla", weights, np.array([0.0, 1.0]), (np.zeros(2),))
    >>> hidden.round(2)
    array([0.  , 0.76])
    """
    import numpy as np

    arithmetic = Arithmetic(
        lambda x: 1 / (1 + np.exp(-x)),
        np.tanh,
        lambda x: np.maximum(x, 0),
        lambda a, b, c: a + b * c,
    )
    gates: dict[str, Floats] = {}
    preactivations: dict[str, Floats] = {}

    def _keep(name: str, preactivation: Floats, activation: Floats) -> Floats:
        preactivations[name] = preactivation
        if name in CELLS[cell].gates:
            gates[name] = activation
        return activation

    received = inputs @ weights["weight_ih"].T + weights.get("bias_ih", 0.0)
    recurrent = state[0] @ weights["weight_hh"].T + weights.get("bias_hh", 0.0)
    after = CELLS[cell].equations(received, recurrent, state, arithmetic, _keep)
    return after, gates, preactivations
