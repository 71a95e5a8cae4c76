"""Train the lexer and write weights.safetensors and data.csv (a minute on a laptop)."""

import csv

import torch
from lexer import STATES, build, classes_of, write_programs
from safetensors.torch import save_file
from torch import nn


def train():
    torch.manual_seed(0)
    net = build()
    adam = torch.optim.Adam(net.parameters(), lr=5e-3)
    slower = torch.optim.lr_scheduler.CosineAnnealingLR(adam, 1500)
    for epoch in range(1500):
        text, states = write_programs(32, 60, seed=1000 + epoch)
        logits = net(torch.tensor(text))
        wanted = torch.tensor(classes_of(states))
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), wanted.flatten())
        adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        adam.step()
        slower.step()
        if epoch % 300 == 299:
            print(epoch + 1, loss.item())
    return net


def write_data(path, n=60, length=50):
    text, states = write_programs(n, length, seed=1)
    with open(path, "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["sequence", "time", "character", "truth"])
        for i in range(n):
            for t in range(length):
                table.writerow([i, t, text[i, t], STATES[states[i, t]]])


if __name__ == "__main__":
    save_file(train().state_dict(), "weights.safetensors")
    write_data("data.csv")
