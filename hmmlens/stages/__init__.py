"""The stages of an explanation, a module for each: functions on arrays and stores.

The rules of the workflow, :func:`hmmlens.explain` and the round trips call these functions and add
where data come from and where results go, so that every number is computed in one place. The
modules are apart so that a rule depends on the code of its own stage alone.
"""
