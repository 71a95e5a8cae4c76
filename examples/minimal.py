"""The whole idea of hmmlens in one file: train a network, record it, find its states, test one.

The task is the 2-bit flip-flop: two inputs send rare pulses of +1 or -1, and each of two outputs
holds the sign of the last pulse of its input. Solving it takes four memories, one for each pair of
signs. Nothing below knows that. Run it with ``python examples/minimal.py`` (about 10 seconds).
"""

import numpy as np
import torch

from hmmlens import HMMSweep, choose, extract, reduce
from hmmlens.hmm.selection import smallest_count_near_best

torch.manual_seed(0)
rng = np.random.default_rng(0)

# Sequences: pulses (sequence, time, input), and as targets the sign of the last pulse.
pulses = rng.choice([-1.0, 0.0, 1.0], size=(100, 50, 2), p=[0.1, 0.8, 0.1]).astype("float32")
pulses[:, 0] = rng.choice([-1.0, 1.0], size=(100, 2))
targets = pulses.copy()
for t in range(1, 50):
    targets[:, t] = np.where(pulses[:, t] == 0, targets[:, t - 1], pulses[:, t])


class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = torch.nn.GRU(2, 16, batch_first=True)
        self.readout = torch.nn.Linear(16, 2)

    def forward(self, inputs):
        return self.readout(self.gru(inputs)[0])


# Train on the first 60 sequences.
network = Network()
optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
for _ in range(200):
    output = network(torch.from_numpy(pulses[:60]))
    loss = torch.nn.functional.mse_loss(output, torch.from_numpy(targets[:60]))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
print(f"Mean squared error of the trained network: {loss.item():.4f}")

# Record the hidden state at every time step, reduce it to four components, and fit HMMs to these.
hidden = extract(network, pulses[60:])["gru"]["hidden"]  # (sequence, time, unit)
components = reduce(hidden, "pca", n_components=4)  # (sequence, time, component)
sweep = HMMSweep(n_states=range(1, 9)).fit(components)
print("By BIC:", choose(sweep.results_).sentence)

# How much of the output do the states explain? Take the smallest number of states near the best.
output = network(torch.from_numpy(pulses[60:])).detach().numpy()  # (sequence, time, output)
fidelity = []
for n in range(1, 9):
    states = sweep.models_["tied", n].predict(components)  # (sequence, time)
    explained = np.zeros_like(output)
    for k in np.unique(states):
        explained[states == k] = output[states == k].mean(axis=0)
    fidelity.append(1 - ((output - explained) ** 2).mean() / output.var(axis=(0, 1)).mean())
n_states = smallest_count_near_best(np.arange(1, 9), np.array(fidelity), tolerance=0.02)
print("Output explained by 1 to 8 states:", np.round(fidelity, 2))
print("The fewest states within 0.02 of the best:", n_states)

# Name the states by the output that the network emits in them.
model = sweep.models_["tied", n_states]
states = model.predict(components)
for k in range(n_states):
    name, share = output[states == k].mean(axis=0).round(1), (states == k).mean()
    print(f"State {k}: output {name}, {share:.0%} of steps, stays {model.transmat_[k, k]:.2f}")

# Test one by intervention: put the network into the mean hidden state of state 0 and let it run
# without pulses. If the state is a memory, the network goes on emitting the output of that state.
start = hidden.values[states == 0].mean(axis=0).astype("float32")  # (unit)
run, _ = network.gru(torch.zeros(1, 100, 2), torch.from_numpy(start).reshape(1, 1, -1))
last = network.readout(run)[0, -1].detach().numpy()
print("100 steps after the network was put into state 0: output", last.round(1))
