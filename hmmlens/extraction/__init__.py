"""What any recurrent network holds at every step, recorded and checked by replay.

In the order of a run: ``api`` is the one call; ``layers`` finds the recurrent layers and names
them; ``calls`` hooks what they read and say in one forward pass; ``segments`` turns that into the
states of each layer and direction; ``equations`` are the published cells; ``replay`` steps the
recorded states through the layers' own weights and the rest of the module, ``outputs`` compares
what it returns, and ``order`` sees that each sequence has its own states; ``modules`` runs a
batch through a torch module and ``protocol`` through an object with ``step`` and ``readout``;
``sinks`` and ``resume`` write what comes, and ``recording`` listens to a training.
"""
