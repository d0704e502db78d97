"""From YAML to the Graph: expressions, parameters, blocks, expansion. Imports no torch."""
