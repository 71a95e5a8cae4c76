"""What a study will cost, before it starts: by what studies before it took.

Begin with ``costs``. ``measured`` reads what jobs took, ``work`` predicts the work of a job and
``scaling`` its cost from the work (``training_cost`` for emulating networks); ``text`` prints.
"""
