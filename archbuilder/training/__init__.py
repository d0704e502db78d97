"""Training a declared network with Lightning; what it leaves is a run's folder with a record."""
