"""Networks whose inputs and outputs have any structure, and inputs with missing values."""
