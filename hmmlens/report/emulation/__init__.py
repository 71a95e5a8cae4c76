"""Tables, figures and text for networks that emulate hidden Markov models.

Begin with ``pipeline``, which describes all tables. ``gather`` joins those of all networks,
``acceptance`` has the criteria, the modules ``paper_*`` compare a study with the paper, ``text``
and ``text_*`` write sentences, and ``figures`` draws.
"""
