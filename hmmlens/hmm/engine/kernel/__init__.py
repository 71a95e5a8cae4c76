"""The E-step of the NumPy engine compiled from C++, where the installation could build it."""
