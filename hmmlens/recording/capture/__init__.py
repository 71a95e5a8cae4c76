"""What a forward pass shows of the recurrent layers: their calls, and from these their states.

``hooks`` catches what modules read and return; ``tracing`` copies the variables that loops of a
user's own carry from step to step, which ``variable_calls`` turns into calls of layers; and
``segments`` has the states of each layer and direction.
"""
