"""Tables, findings and the report: everything in it is read from files that rules wrote.

Each kind of study has a package: ``explain`` (begin with ``explain.study`` and
``explain.typeset``), ``roundtrip`` and ``emulation`` (begin with ``pipeline``). They share
``figures``, the registry of figures, with ``style`` and ``distinctive``; ``document``, which sets
the PDF from ``templates``; ``acceptance``, criteria and whether they are met; ``wording``; and
``partial``, the report of a study that is not finished.
"""
