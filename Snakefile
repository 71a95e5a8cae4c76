"""Explain trained recurrent networks with hidden Markov models, stage by stage.

    sequences -> networks -> activations -> reductions -> HMM sweeps -> validation
              -> interpretation, dynamics -> tables, figures, report

Each stage is a module of ``hmmlens``, a file in ``workflow/rules/explain`` and a folder of results.
The config (``config.yaml``, or ``--configfile workflow/studies/X.yaml``) states what a study holds. One
with ``trips`` is a round-trip study, one with ``emulation`` a study of emulating networks.
"""

# A study stands alone: config.yaml would otherwise leave its networks in every other study, and
# all of itself in a file that lacks the name of its study.
if not workflow.configfiles:

    configfile: "config.yaml"


include: "workflow/rules/study.smk"
include: "workflow/rules/resources.smk"


if "trips" in config:

    include: "workflow/rules/roundtrip.smk"

elif "emulation" in config:

    include: "workflow/rules/emulation/paths.smk"
    include: "workflow/rules/emulation/training.smk"
    include: "workflow/rules/emulation/analysis.smk"
    include: "workflow/rules/emulation/report.smk"

else:

    include: "workflow/rules/explain/paths.smk"
    include: "workflow/rules/explain/datasets.smk"
    include: "workflow/rules/explain/networks.smk"
    include: "workflow/rules/explain/recording.smk"
    include: "workflow/rules/explain/reduction.smk"
    include: "workflow/rules/explain/sweep.smk"
    include: "workflow/rules/explain/validation.smk"
    include: "workflow/rules/explain/interpretation.smk"
    include: "workflow/rules/explain/dynamics.smk"
    include: "workflow/rules/explain/report.smk"


report: "workflow/report/workflow.rst"


rule all:
    """The report, and with it everything that it rests on."""
    default_target: True
    input:
        f"{RESULTS}/report.pdf",
    localrule: True
