"""The application: configs, jobs, paths of results, cluster and plan.

Begin with the settings of the three kinds of study: ``config`` (networks that are explained),
``roundtrip_study`` and ``emulation_study``. ``config_inputs`` and ``config_names`` check what a
config names, and ``schema`` writes the JSON Schema. ``rules`` has one row for each rule of the
workflow, ``layout`` the paths of results; ``entries`` lists the networks, layers and reductions of
a study and ``jobs`` its jobs (``emulation_jobs`` and ``emulation_folders`` for networks that
emulate), ``table_parts`` those whose results are in tables, and ``work`` and ``emulation_work``
model what a job takes, from which ``plan`` predicts costs and ``cluster`` asks for memory and
time. Snakemake calls ``rule_code`` for the files that a rule depends on, ``failures`` when jobs
failed, and the Makefile ``results_folder``.
"""
