"""Declare small convolutional networks in YAML, cost them, train them, compare them, package them."""
