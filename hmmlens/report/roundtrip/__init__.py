"""Tables, figures and text for round trips.

Begin with ``pipeline``; ``summary`` makes the tables and criteria, ``figures`` the figures.
"""
