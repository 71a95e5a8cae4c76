"""The command ``hmmlens``."""

from hmmlens.cli.explain import main

__all__ = ["main"]
