"""What the network does by itself, through the recurrence protocol of ``hmmlens.rnn``."""
