"""Out of memory: told with a batch that does fit, by a process that really has too little."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest
import torch

from archbuilder.errors import TrainingError
from archbuilder.training.datamodule import Batches
from archbuilder.training.module import Classifier
from tests.training.runs import trained

# All that training imports is there before the limit is set, so that what fails is the network's own memory.
CODE = """
import re, resource, sys
from pathlib import Path
from archbuilder.console import fail
from archbuilder.errors import TrainingError
from tests.training.runs import trained

folder = Path(sys.argv[1])
trained(folder / "first")
size = int(re.search(r"VmSize:\\s+(\\d+) kB", Path("/proc/self/status").read_text()).group(1)) * 1024
resource.setrlimit(resource.RLIMIT_AS, (size + int(sys.argv[2]) * 2**20,) * 2)
try:
    trained(folder / "second", *sys.argv[3:])
except TrainingError as error:
    fail(error)
"""


def limited(folder: Path, megabytes: int, *overrides: str) -> subprocess.CompletedProcess[str]:
    """Train in a process that may take so much more memory than it has when everything is imported."""
    command = [sys.executable, "-c", CODE, str(folder), str(megabytes), *overrides]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.parametrize(("batch", "evaluated"), [(1, 4), (128, 512), (200, 512), (1024, 1024)])
def test_evaluation_takes_no_more_images_than_four_times_the_training(batch: int, evaluated: int) -> None:
    assert Batches(Mock(), Mock(), batch, 0, False).evaluation_batch == evaluated


@pytest.mark.parametrize(
    ("step", "epochs", "told"),
    [
        ("training_step", 1, "too little memory for batch_size=2; no smaller batch fits: use a smaller network"),
        ("validation_step", 1, "too little memory to evaluate 8 images at once; use a smaller batch_size"),
        ("validation_step", 2, "too little memory to evaluate 8 images at once; use a smaller batch_size"),
    ],
    ids=["training", "evaluation of an epoch", "last evaluation"],
)
def test_what_did_not_fit_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, epochs: int, told: str
) -> None:
    def out_of_memory(self: Classifier, batch: object) -> None:
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(Classifier, step, out_of_memory)
    # With one image the norm of this network has nothing to go by, whatever the memory.
    squeezed = ("++model.stages.pool={block: global_pool}", "++model.stages.mix={block: pointwise, out: 8}")
    few = ("batch_size=2", "+trainer.limit_train_batches=1", f"trainer.check_val_every_n_epoch={epochs}")
    with pytest.raises(TrainingError, match=told):
        trained(tmp_path, *squeezed, *few)


def test_a_batch_that_fits_is_found(tmp_path: Path) -> None:
    wide = ("++model.scale.width=4", "batch_size=1024")
    done = limited(tmp_path, 700, *wide)
    assert done.returncode == 1, done.stderr
    told = " ".join(done.stderr.split())
    found = re.search(
        r"too little memory for batch_size=1024; batch_size=(\d+) fits, with "
        r"trainer\.accumulate_grad_batches=(\d+) for the same steps",
        told,
    )
    assert found, told
    size, times = map(int, found.groups())
    assert size * times == 1024
    assert size in (64, 128, 256, 512)
    assert not (tmp_path / "second" / "record.json").exists()
