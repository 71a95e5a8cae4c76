"""Tables, findings and the report: everything in it is read from files that rules wrote."""
