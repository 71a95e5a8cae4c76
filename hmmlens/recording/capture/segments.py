"""The states of each layer and direction, from the calls of one forward pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from hmmlens.recording.capture.hooks import Call, chains, with_carried_states
from hmmlens.rnn import layer_steps
from hmmlens.rnn.layer_steps import Steps, Weights
from hmmlens.rnn.layers import ending

#: Steps are computed in blocks whose gates take about so many bytes, so that memory stays flat.
BLOCK_BYTES = 2 * 2**20


class Segment(NamedTuple):
    """The states of one layer in one direction in one call, or of a cell in all calls of its loop.

    All steps are in the order in which the layer reads them, for a second direction from the end.

    Attributes
    ----------
    calls : sequence of Call
        The call, or one for each step.
    layer : int
        Which of a stack.
    reverse : bool
        Whether it reads from the end.
    weights : Weights or None
        None where the equations are not known.
    inputs : Tensor of shape (sequence, time, feature) or None
        What the layer reads.
    hidden : Tensor of shape (sequence, time, unit)
        As the model's own layer has them.
    start : Tensor of shape (sequence, unit) or None
        The hidden state before the first step.
    before : Tensor of shape (sequence, time, unit) or None
        The state given to a cell at every step; None for layers.
    cell : Tensor of shape (sequence, unit) or (sequence, time, unit), or None
        The cell state before the first step, or given at every step.
    final : tuple of Tensor of shape (sequence, unit)
        The last hidden and cell state that the layer returned.
    lengths : Tensor of shape (sequence,) or None
        None where no step is padded.
    """

    calls: Sequence[Call]
    layer: int
    reverse: bool
    weights: Weights | None
    inputs: Tensor | None
    hidden: Tensor
    start: Tensor | None = None
    before: Tensor | None = None
    cell: Tensor | None = None
    final: tuple[Tensor, ...] = ()
    lengths: Tensor | None = None

    def in_time(self, values: Tensor) -> Tensor:
        """Return an array in the order of time.

        Parameters
        ----------
        values : Tensor of shape (sequence, time, ...)
            In the order of reading.

        Returns
        -------
        Tensor of shape (sequence, time, ...)
            In the order of time.
        """
        return reverse_steps(values, self.lengths) if self.reverse else values

    def replay(self) -> Iterator[tuple[slice, Steps]]:
        """Compute blocks of steps from the recorded hidden states before them.

        The cell states of an LSTM, which torch's layers do not show, follow from each other.

        Yields
        ------
        part : slice
            The steps of the block.
        steps : Steps
            Their states and gates.
        """
        assert self.weights is not None
        assert self.inputs is not None
        n, n_steps = self.hidden.shape[:2]
        step_bytes = n * len(self.weights.input) * self.hidden.element_size()
        block = max(1, min(BLOCK_BYTES // max(step_bytes, 1), n_steps))
        cell = self.cell
        for begin in range(0, n_steps, block):
            part = slice(begin, min(begin + block, n_steps))
            if self.before is not None:
                before = self.before[:, part]
                cell_before = None if self.cell is None else self.cell[:, part]
                yield (
                    part,
                    layer_steps.advance(self.weights, self.inputs[:, part], before, cell_before),
                )
                continue
            assert self.start is not None
            first = self.start if begin == 0 else self.hidden[:, begin - 1]
            before = torch.cat([first[:, None], self.hidden[:, begin : part.stop - 1]], dim=1)
            steps = layer_steps.advance(self.weights, self.inputs[:, part], before, cell)
            cell = None if steps.cell is None else steps.cell[:, -1]
            yield part, steps


def reverse_steps(values: Tensor, lengths: Tensor | None) -> Tensor:
    """Return the steps of each sequence from its end; the padding keeps its place.

    Parameters
    ----------
    values : Tensor of shape (sequence, time, ...)
        An array.
    lengths : Tensor of shape (sequence,) or None
        Steps of each sequence; None for all.

    Returns
    -------
    Tensor of shape (sequence, time, ...)
        A copy.
    """
    if lengths is None:
        return values.flip(1)
    time = torch.arange(values.shape[1], device=values.device)
    ends = lengths.to(values.device)[:, None]
    index = torch.where(time < ends, ends - 1 - time, time)
    rows = torch.arange(len(values), device=values.device)[:, None]
    return values[rows, index]


def segments(calls: Sequence[Call], n_steps: int) -> dict[str, list[Segment]]:
    """Return the segments of each node, for the calls of one forward pass.

    Parameters
    ----------
    calls : sequence of Call
        In their order.
    n_steps : int
        Steps of the model's input.

    Returns
    -------
    dict of str to list of Segment
        The segments of a node are in the order of time. Nodes are in the order in which the forward
        pass first calls them, from the input to the output.
    """
    by_node: dict[str, list[Call]] = {}
    for call in calls:
        by_node.setdefault(call.recorded.node, []).append(call)
    nodes: dict[str, list[Segment]] = {}
    for own in by_node.values():
        parts = chains(own, n_steps)
        for index, chain in enumerate(parts):
            suffix = f"_call{index}" if len(parts) > 1 else ""
            module = chain[0].recorded
            if not chain[0].final:
                for caught, call in zip(chain, with_carried_states(chain), strict=True):
                    segment = Segment([caught], 0, False, None, None, call.output)
                    if call.cell is not None:
                        # As of a cell of torch, which shows its own cell state.
                        states = (call.output, call.cell)
                        segment = segment._replace(before=call.output, final=states)
                    nodes.setdefault(module.node + suffix, []).append(
                        segment._replace(lengths=call.lengths)
                    )
            elif chain[0].is_cell:
                nodes[module.node + suffix] = [_loop(chain)]
            else:
                for call in chain:
                    for segment in _stack(call):
                        end = ending(module.module, segment.layer, segment.reverse)
                        node = module.node + end + suffix
                        nodes.setdefault(node, []).append(segment)
    place = {id(call): index for index, call in enumerate(calls)}
    return dict(sorted(nodes.items(), key=lambda item: place[id(item[1][0].calls[0])]))


def directions(nodes: Mapping[str, Sequence[Segment]]) -> list[list[str]]:
    """Return the nodes of each layer.

    Parameters
    ----------
    nodes : mapping of str to sequence of Segment
        The segments of each node.

    Returns
    -------
    list of list of str
        One node, or the two directions of a bidirectional layer.
    """
    layers: dict[tuple[int, int], list[str]] = {}
    for name, (first, *_) in nodes.items():
        layers.setdefault((id(first.calls[0]), first.layer), []).append(name)
    return list(layers.values())


def _loop(calls: Sequence[Call]) -> Segment:
    """Return the steps of a cell that the model's own loop calls."""
    module = calls[0].recorded.module
    weights = layer_steps.weights_of(module)
    hidden = torch.cat([call.output for call in calls], dim=1)
    inputs = torch.cat([call.inputs for call in calls if call.inputs is not None], dim=1)
    zero = torch.zeros_like(calls[0].final[0])
    starts = [call.start or (zero,) * len(call.final) for call in calls]
    before, *cell = (torch.stack(parts, dim=1) for parts in zip(*starts, strict=True))
    final = tuple(
        torch.stack(parts, dim=1) for parts in zip(*(c.final for c in calls), strict=True)
    )
    return Segment(
        calls, 0, False, weights, inputs, hidden, None, before, cell[0] if cell else None, final
    )


def _stack(call: Call) -> Iterator[Segment]:
    """Yield each layer and direction of a recurrent layer of torch.

    torch shows the states of the last layer; those of the layers below it are run once more, each
    by the same fused kernel.
    """
    module = call.recorded.module
    assert isinstance(module, nn.RNNBase)
    assert call.inputs is not None
    directions = (False, True) if module.bidirectional else (False,)
    x, last = call.inputs, module.num_layers - 1
    sizes = [final.shape[-1] for final in call.final]
    for layer in range(module.num_layers):
        states = []
        for index, reverse in enumerate(directions):
            place = layer * len(directions) + index
            starts = [
                call.start[i][place] if call.start else x.new_zeros(len(x), size)
                for i, size in enumerate(sizes)
            ]
            weights = layer_steps.weights_of(module, layer, reverse)
            inputs = reverse_steps(x, call.lengths) if reverse else x
            cell = starts[1] if len(starts) > 1 else None
            if layer == last:
                own = call.output[..., index * sizes[0] : (index + 1) * sizes[0]]
                hidden = reverse_steps(own, call.lengths) if reverse else own
            else:
                hidden = layer_steps.run(weights, inputs, starts[0], cell)
            segment = Segment(
                [call], layer, reverse, weights, inputs, hidden, starts[0], None, cell,
                tuple(f[place] for f in call.final), call.lengths,
            )  # fmt: skip
            yield segment
            states.append(segment.in_time(hidden))
        x = torch.cat(states, dim=-1) if len(states) > 1 else states[0]
