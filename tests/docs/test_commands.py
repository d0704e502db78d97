"""Every command of README, CONTRIBUTING and the results is run or composed here, or says why it is not.

docs/language.md, sweeps.md and zoo.md have tests of their own, which run all of theirs; transcripts of README, whose
lines begin with `$`, are run by test_readme.py.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

import archbuilder
from archbuilder.cli import main
from archbuilder.paths import conf_dir
from archbuilder.training.entry import model_overrides
from archbuilder.training.settings import checked_settings
from tests.docs.guide import examples
from tests.training.runs import trained

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "CONTRIBUTING.md", "docs/results/cifar10/README.md", "docs/results/reduction/README.md")
PROGRAMS = ("archbuilder", "git", "mypy", "pip", "pre-commit", "pytest", "python", "ruff", ".ci/")

NOT_RUN = {
    "pip install": "installs; .ci/run and .ci/release do it in environments of their own",
    "python -m venv": "the same",
    "pytest": "these are the tests",
    "ruff": ".ci/run runs it",
    ".ci/": "takes a quarter of an hour; it runs what stands here",
    "data preview data=cifar10": "downloads CIFAR-10; tests/data/test_preview.py does it with other data",
    "sweep status": "wants a sweep; tests/sweep/test_status.py has some",
    "s3://": "wants a bucket; tests/zoo/test_remote.py has a server of its own",
    "python -m benchmarks.reduction": "measures for half a minute; tests/benchmarks/ has its options",
    "compare docs/results": "tests/docs/test_results.py does it",
}


def lines(page: str) -> list[str]:
    """Return the commands in a page's fences, without comments, and with continued lines joined."""
    found = []
    for one in examples((ROOT / page).read_text()):
        if one.language in ("", "bash"):
            text = re.sub(r"\\\n *", "", one.text)
            found += [re.sub(r"\s+#.*", "", line) for line in text.splitlines() if line.startswith(PROGRAMS)]
    return found


COMMANDS = [command for page in PAGES for command in lines(page)]
RUN = [command for command in COMMANDS if not any(part in command for part in NOT_RUN)]


def composed(command: str, folder: Path) -> None:
    """Compose what `train.py` would be given for the first job of a command, and check all of it."""
    words = shlex.split(command)[2:]
    own = words[words.index("--config-dir") + 1] if "--config-dir" in words else None
    words = [word for word in words if word not in ("-m", "--config-dir", own)]
    first = [re.sub(r"^([^=]+)=([^\[\],]+),.*", r"\1=\2", word) for word in words]
    searched = [f"hydra.searchpath=[{folder / own}]"] if own else []
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        given = ["name=some", "folder=nowhere", "sweep=some", *model_overrides(first), *searched]
        config = compose("train", overrides=list({word.partition("=")[0]: word for word in given}.values()))
    settings = checked_settings(config)
    assert archbuilder.expand(settings["model"]).inputs


def test_there_are_commands_and_no_reason_is_stale() -> None:
    assert len(RUN) >= 20
    for part in NOT_RUN:
        assert any(part in command for command in COMMANDS), part
    assert all(command.startswith(("python train.py", "archbuilder ")) for command in RUN), RUN


@pytest.mark.parametrize("command", [command for command in RUN if command.startswith("python train.py")], ids=str)
def test_a_training_composes_and_its_network_is_sound(command: str, tmp_path: Path) -> None:
    (tmp_path / "my" / "model").mkdir(parents=True)
    (tmp_path / "my" / "model" / "mine.yaml").write_text((conf_dir() / "model" / "plain.yaml").read_text())
    composed(command, tmp_path)


def test_the_other_commands_run_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a short run of digits, under the name that the pages use."""
    monkeypatch.chdir(tmp_path)
    trained(tmp_path / "runs" / "resnet20-cifar10-seed1-1a2b3c4d", "model.stages.stage3.out=16")
    others = [command for command in RUN if not command.startswith("python train.py")]
    assert len(others) >= 7
    for command in others:
        main(shlex.split(command)[1:])
        assert capsys.readouterr().out, command
    assert (tmp_path / "report" / "comparison.html").is_file()
