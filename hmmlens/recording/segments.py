"""The states of each layer and direction, from the calls of one forward pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from hmmlens.recording.hooks import Call, chains
from hmmlens.rnn import layer_steps
from hmmlens.rnn.layer_steps import Steps, Weights
from hmmlens.rnn.layers import ending

#: Steps are computed in blocks whose gates take about so many bytes, so that memory stays flat.
BLOCK_BYTES = 2 * 2**20


class Segment(NamedTuple):
    """What one layer did in one direction in one call, or a cell in all calls of its loop.

    All steps are in the order in which the layer reads them, for a second direction from the end.

    calls : the call, or one for each step
    layer, reverse : which of a stack, and whether it reads from the end
    weights : None where the equations are not known
    inputs : (sequence, time, feature)
    hidden : (sequence, time, unit), as the model's own layer has them
    start : (sequence, unit), the hidden state before the first step
    before : (sequence, time, unit), the state given to a cell at every step; None for layers
    cell : the cell state before the first step (sequence, unit), or given at every step
    final : the last hidden and cell state that the layer returned, each (sequence, unit)
    lengths : (sequence), or None where no step is padded
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
        """Return (sequence, time, ...) in the order of time."""
        return turned(values, self.lengths) if self.reverse else values

    def replay(self) -> Iterator[tuple[slice, Steps]]:
        """Compute blocks of steps from the recorded hidden states before them.

        The cell states of an LSTM, which torch's layers do not show, follow from each other.
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
                given = None if self.cell is None else self.cell[:, part]
                yield part, layer_steps.advance(self.weights, self.inputs[:, part], before, given)
                continue
            assert self.start is not None
            first = self.start if begin == 0 else self.hidden[:, begin - 1]
            before = torch.cat([first[:, None], self.hidden[:, begin : part.stop - 1]], dim=1)
            steps = layer_steps.advance(self.weights, self.inputs[:, part], before, cell)
            cell = None if steps.cell is None else steps.cell[:, -1]
            yield part, steps


def turned(values: Tensor, lengths: Tensor | None) -> Tensor:
    """Return (sequence, time, ...) from the end of each sequence; what is padded stays."""
    if lengths is None:
        return values.flip(1)
    time = torch.arange(values.shape[1], device=values.device)
    ends = lengths.to(values.device)[:, None]
    index = torch.where(time < ends, ends - 1 - time, time)
    rows = torch.arange(len(values), device=values.device)[:, None]
    return values[rows, index]


def segments(calls: Sequence[Call], n_steps: int) -> dict[str, list[Segment]]:
    """Return node -> its segments in the order of time, for the calls of one forward pass.

    Nodes are in the order in which the forward pass first calls them, from the input to the output.

    Parameters
    ----------
    n_steps : steps of the model's input.
    """
    by_module: dict[nn.Module, list[Call]] = {}
    for call in calls:
        by_module.setdefault(call.found.module, []).append(call)
    nodes: dict[str, list[Segment]] = {}
    for mine in by_module.values():
        parts = chains(mine, n_steps)
        for index, chain in enumerate(parts):
            suffix = f"_call{index}" if len(parts) > 1 else ""
            found = chain[0].found
            if not chain[0].final:
                for call in chain:
                    segment = Segment([call], 0, False, None, None, call.output)
                    nodes.setdefault(found.node + suffix, []).append(
                        segment._replace(lengths=call.lengths)
                    )
            elif chain[0].is_cell:
                nodes[found.node + suffix] = [_loop(chain)]
            else:
                for call in chain:
                    for segment in _stack(call):
                        end = ending(found.module, segment.layer, segment.reverse)
                        node = found.node + end + suffix
                        nodes.setdefault(node, []).append(segment)
    place = {id(call): index for index, call in enumerate(calls)}
    return dict(sorted(nodes.items(), key=lambda item: place[id(item[1][0].calls[0])]))


def directions(nodes: Mapping[str, Sequence[Segment]]) -> list[list[str]]:
    """Return the nodes of each layer: one, or the two directions of a bidirectional layer."""
    layers: dict[tuple[int, int], list[str]] = {}
    for name, (first, *_) in nodes.items():
        layers.setdefault((id(first.calls[0]), first.layer), []).append(name)
    return list(layers.values())


def _loop(calls: Sequence[Call]) -> Segment:
    """Return the steps of a cell that the model's own loop calls."""
    module = calls[0].found.module
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
    module = call.found.module
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
            inputs = turned(x, call.lengths) if reverse else x
            cell = starts[1] if len(starts) > 1 else None
            if layer == last:
                own = call.output[..., index * sizes[0] : (index + 1) * sizes[0]]
                hidden = turned(own, call.lengths) if reverse else own
            else:
                hidden = layer_steps.run(weights, inputs, starts[0], cell)
            segment = Segment(
                [call], layer, reverse, weights, inputs, hidden, starts[0], None, cell,
                tuple(f[place] for f in call.final), call.lengths,
            )  # fmt: skip
            yield segment
            states.append(segment.in_time(hidden))
        x = torch.cat(states, dim=-1) if len(states) > 1 else states[0]
