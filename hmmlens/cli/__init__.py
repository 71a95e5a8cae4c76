"""The command ``hmmlens``."""

from hmmlens.cli.command import main

__all__ = ["main"]
