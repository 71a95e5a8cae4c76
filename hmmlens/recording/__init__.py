"""What any recurrent network holds at every step, recorded and checked by replay.

In the order of a run: ``api`` is the one call; ``layers`` finds the recurrent layers and names
them; ``calls`` hooks what they read and say in one forward pass; ``segments`` turns that into the
states of each layer and direction; ``equations`` are the published cells; ``replay`` steps the
recorded states through the layers' own weights and the rest of the module, ``outputs`` compares
what it returns, and ``order`` sees that each sequence has its own states; ``modules`` runs a
batch through a torch module, ``padding`` keeps padding out of the states of modules that read it,
and ``protocol`` runs an object with ``step`` and ``readout``, whose ``states`` may be any nest of
arrays; ``sinks`` and ``resume`` write what comes, and ``recording`` listens to a training.
"""
