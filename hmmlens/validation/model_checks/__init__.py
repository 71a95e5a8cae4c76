"""Checks of a chosen model: of its transitions, of its states against chance, and over fits."""
