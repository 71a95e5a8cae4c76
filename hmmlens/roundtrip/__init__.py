"""From a task whose answer is known to a trained network, and back to states.

``drawn`` makes and records one network; ``grades`` judges it, its controls and its surrogates;
``returned`` compares the states that came back with the true ones; ``gates`` holds all of them
against what is promised.
"""
