"""Errors that a user can act on: one clear sentence each."""

from __future__ import annotations


class HmmlensError(Exception):
    """Base of every error that hmmlens raises on purpose."""


class ConfigError(HmmlensError):
    """A setting is wrong; the message names the key, what was found and what is allowed."""


class DataError(HmmlensError, ValueError):
    """Data does not fit; the message names the place and the remedy."""


class StoreError(HmmlensError):
    """A store on disk is missing, half-written, or of another schema version."""
