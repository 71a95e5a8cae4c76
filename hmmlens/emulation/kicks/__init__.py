"""Kick units: units that push a network out of a state."""
