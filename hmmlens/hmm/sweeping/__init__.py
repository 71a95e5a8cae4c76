"""The parts of a sweep: checks of its data, its tasks, and the scores of its fits."""
