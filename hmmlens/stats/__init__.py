"""Statistics on plain arrays: intervals, surrogates, agreement, Markov tests."""
