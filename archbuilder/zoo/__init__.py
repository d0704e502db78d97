"""Packages: a trained network as a folder of data that proves itself and runs no code when it is loaded."""
