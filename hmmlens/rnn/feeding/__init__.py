"""Networks whose inputs and outputs have any structure, as modules that take one array."""
