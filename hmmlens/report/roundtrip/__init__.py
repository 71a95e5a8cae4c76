"""Tables, figures and text for round trips."""
