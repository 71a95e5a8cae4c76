"""The plateau of the loss of emulating networks: its level, its length and its end.

``detection`` finds the plateau of one training; ``escape`` follows the ``step_correlation`` by
which it ends; ``length`` compares the lengths of many trainings.
"""
