"""A network of our own: it reads a program character by character and classifies each.

The characters are random, so only what came before determines whether a letter is in code,
in a string or in a comment:

    code --"--> string --"--> code        inside a string, a backslash takes the next character away
    code --#--> comment --newline--> code
"""

import numpy as np
import torch
from torch import nn

CHARACTERS = ["letter", "quote", "backslash", "hash", "newline"]
STATES = ["code", "string", "escape", "comment"]
CLASSES = ["code", "string", "comment"]

LETTER, QUOTE, BACKSLASH, HASH, NEWLINE = range(5)


class Lexer(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.embedding = nn.Embedding(len(CHARACTERS), 6)
        self.pair = nn.Conv1d(6, 8, kernel_size=2)  # this character and the one before
        self.memory = nn.GRU(8, width, batch_first=True)
        self.gate = nn.Linear(width, width)
        self.readout = nn.Linear(width, len(CLASSES))

    def forward(self, text):
        x = self.embedding(text).transpose(1, 2)
        x = torch.tanh(self.pair(nn.functional.pad(x, (1, 0)))).transpose(1, 2)
        held, _ = self.memory(x)
        return self.readout(held * torch.sigmoid(self.gate(held)))


def build(width=16):
    return Lexer(width)


def write_programs(n, length, seed):
    """Random programs (n, length), and the state (n, length) after each character."""
    rng = np.random.default_rng(seed)
    text = rng.choice(5, size=(n, length), p=[0.5, 0.18, 0.12, 0.08, 0.12])
    states = np.zeros_like(text)
    for program in range(n):
        state = 0
        for t in range(length):
            states[program, t] = state = step(state, text[program, t])
    return text, states


def step(state, c):
    if STATES[state] == "code":
        return {QUOTE: 1, HASH: 3}.get(c, 0)
    if STATES[state] == "string":
        return {QUOTE: 0, BACKSLASH: 2}.get(c, 1)
    if STATES[state] == "escape":
        return 1
    return 0 if c == NEWLINE else 3


def classes_of(states):
    """Both states of a string are string to whoever colours the program."""
    return np.array([0, 1, 1, 2])[states]
