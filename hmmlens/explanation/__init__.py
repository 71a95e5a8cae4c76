"""All stages in one call: :func:`hmmlens.explain`."""
