"""States of a network by their futures: what it does next under the same continuations of input."""
