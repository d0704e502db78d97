"""What a finished network is worth on data: accuracy with its uncertainty, classes, confusions, calibration."""

from archbuilder.evaluation.evaluate import BATCH, evaluate
from archbuilder.evaluation.report import Evaluation

__all__ = ["BATCH", "Evaluation", "evaluate"]
