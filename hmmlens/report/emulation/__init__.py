"""Tables, figures and text for networks that emulate hidden Markov models."""
