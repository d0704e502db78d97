"""Ratios to a peer, measured in the same run."""
