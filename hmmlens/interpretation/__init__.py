"""Read a fitted model: what its states mean in units of inputs and outputs."""
