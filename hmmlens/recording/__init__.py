"""The states that a recurrent network has at every step, recorded and checked by replay.

In the order of a run: ``extract`` is the one call; ``capture`` catches what the recurrent layers
read and return in one forward pass and has the states of each layer and direction; ``verification``
steps them through the layers' own weights, and checks that each sequence has its own states.
``models`` chooses what runs a model: ``runner`` runs batches through a torch module and keeps
padding out of the states of modules that read it, and ``protocol`` runs an object with ``step`` and
``readout``, whose ``nested_states`` may be any nest of arrays. ``layout`` and ``store`` write the
arrays, ``attributes`` is what is noted with them, and ``during_training`` records while something
else runs the model.
"""
