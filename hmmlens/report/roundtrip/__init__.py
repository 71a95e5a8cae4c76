"""Tables, figures and text for round trips.

Begin with ``pipeline``; ``criteria`` holds the requirements, ``summary`` makes the other
tables, ``figures`` the figures.
"""
