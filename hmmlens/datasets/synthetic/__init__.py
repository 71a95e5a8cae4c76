"""Tasks that are generated: hidden Markov models, automata, continua."""
