"""States of a fitted hidden Markov model compared with the dynamics of the network."""
