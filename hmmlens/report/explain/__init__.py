"""Tables, figures and text for a network that is explained."""
