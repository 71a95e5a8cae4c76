"""The plateau of the loss of emulating networks: its level, its length and its end."""
