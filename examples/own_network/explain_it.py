"""Explain the lexer from Python."""

import pandas as pd
from lexer import CHARACTERS, CLASSES, STATES, build
from safetensors.torch import load_file

from hmmlens import explain

net = build()
net.load_state_dict(load_file("weights.safetensors"))

table = pd.read_csv("data.csv")
table["state"] = table["truth"].map(STATES.index)
text = table.pivot(index="sequence", columns="time", values="character").to_numpy()
states = table.pivot(index="sequence", columns="time", values="state").to_numpy()

explanation = explain(
    net,
    text,
    outputs="logits",
    truth=states,
    n_states=range(1, 9),
    names={"input": CHARACTERS, "output": CLASSES, "truth": STATES},
    out="explained_by_python",
)
print(explanation.summary())
