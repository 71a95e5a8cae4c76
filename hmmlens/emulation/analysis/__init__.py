"""How a network that emulates a hidden Markov model works inside."""
