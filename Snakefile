"""Explain trained recurrent networks with hidden Markov models: the whole story, left to right.

    sequences -> networks -> activations -> reductions -> HMM sweeps -> validation
              -> interpretation, dynamics -> tables, figures, report

Each stage is a module of ``hmmlens``, a file in ``workflow/rules`` and a folder on disk. What a
study contains stands in its config (``config.yaml``, or ``--configfile workflow/studies/X.yaml``);
names, paths and constraints are in ``workflow/rules/common.smk``. A config with ``trips`` is a study
of another kind, told in ``workflow/rules/roundtrip.smk``, and so is one with ``emulation``, told in
``workflow/rules/torre.smk``.
"""

# A study stands alone: config.yaml would otherwise leave its networks in every other study, and
# all of itself in a file that lacks the name of its study.
if not workflow.configfiles:

    configfile: "config.yaml"


include: "workflow/rules/study.smk"
include: "workflow/rules/cluster.smk"


if "trips" in config:

    include: "workflow/rules/roundtrip.smk"

elif "emulation" in config:

    include: "workflow/rules/torre_common.smk"
    include: "workflow/rules/torre.smk"

else:

    include: "workflow/rules/common.smk"
    include: "workflow/rules/datasets.smk"
    include: "workflow/rules/networks.smk"
    include: "workflow/rules/activations.smk"
    include: "workflow/rules/reduction.smk"
    include: "workflow/rules/sweep.smk"
    include: "workflow/rules/validation.smk"
    include: "workflow/rules/interpretation.smk"
    include: "workflow/rules/dynamics.smk"
    include: "workflow/rules/report.smk"


report: "workflow/report/workflow.rst"


rule all:
    """The report, and with it everything that it rests on."""
    default_target: True
    input:
        f"{RESULTS}/report.pdf",
    localrule: True
