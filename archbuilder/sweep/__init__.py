"""A sweep as it lies on disk: how many jobs it has, how far each run is, and who is at work. Imports no torch."""
