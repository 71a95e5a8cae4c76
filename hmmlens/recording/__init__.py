"""The states that a recurrent network has at every step, recorded and checked by replay.

In the order of a run: ``extract`` is the one call; ``hooks`` catches what the recurrent layers read
and return in one forward pass; ``segments`` turns that into the states of each layer and direction;
``replay`` steps the recorded states through the layers' own weights, ``module_replay`` the rest of
the module, ``outputs`` compares what it returns, and ``batch_independence`` checks that each
sequence has its own states. ``models`` chooses what runs a model: ``runner`` runs batches through a
torch module and keeps padding out of the states of modules that read it, and ``protocol`` runs an
object with ``step`` and ``readout``, whose ``nested_states`` may be any nest of arrays. ``layout``
and ``store`` write the arrays, and ``during_training`` records while something else runs the model.
"""
