"""Around a job: what `train.py` does with the command line and with errors."""

from __future__ import annotations

import difflib
import errno
import itertools
import os
import re
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from archbuilder.console import fail
from archbuilder.errors import ArchbuilderError, ConfigError, TrainingError, nearest_key, suggestion
from archbuilder.files import write_text
from archbuilder.paths import choices, conf_dir, shown
from archbuilder.record import FAILURE_FILE, Record
from archbuilder.sweep.lock import LOCK_FILE, BusyError

ENGINES = ("joblib", "ray", "submitit", "optuna")
"""Packages that run the jobs of a sweep, or propose them; each is an extra of ours."""
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)
ELSEWHERE = "elsewhere with hydra.run.dir=DIR or, for a sweep, hydra.sweep.dir=DIR"


def model_overrides(arguments: list[str]) -> list[str]:
    """Return the arguments with `model.x=1` as `++model.x=1`.

    So an override may name a key of the model that its file leaves at the default; what it means, the
    builder checks, and its message says more than Hydra's.
    """
    # A model's own parameters are all declared: a name that is not among them is misspelt, and Hydra says so.
    return [f"++{text}" if re.match(r"model\.(?!params\.)[^=]*=", text) else text for text in arguments]


def job(config: DictConfig) -> float | tuple[float, int] | None:
    """Run one job and return its objectives. In a sweep, a failure is written into the job's folder, and it goes on."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    from archbuilder.training.processes import is_follower, is_launched
    from archbuilder.training.run import run

    if is_launched():
        # Paths are meant from where the command was given; processes of a cluster begin elsewhere.
        os.chdir(HydraConfig.get().runtime.cwd)
    follower = is_follower(config.get("trainer"))
    if follower:
        # One process speaks for all.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - for as long as the process lives
    if not config.folder:
        _remove_if_unused(Path(HydraConfig.get().runtime.output_dir))
        fail(ConfigError("folder", "a run needs one; leave this out, or write hydra.run.dir=DIR"))
    folder = Path(config.folder)
    try:
        record = run(config)
        return None if follower else _objectives(record)
    except KeyboardInterrupt:
        _remove_if_unused(folder)
        raise
    except BusyError as error:
        # Whatever becomes of the run, the process that is at work on it will tell.
        if HydraConfig.get().mode != RunMode.MULTIRUN:
            fail(error)
        print(f"error: {error}", file=sys.stderr)
        return None
    except Exception as error:
        known = error if isinstance(error, ArchbuilderError) else _of_the_disk(error)
        if HydraConfig.get().mode == RunMode.MULTIRUN:
            text = str(known or f"{type(error).__name__}: {error}")
            print(f"error: {text}" if known else traceback.format_exc(), file=sys.stderr)
            with suppress(OSError):  # where the disk takes nothing, this too
                write_text(folder / FAILURE_FILE, f"{text}\n")
            return None
        if not known:
            raise
        _remove_if_unused(folder)
        # Not raised further: Hydra would add its own words to the error's.
        fail(known)


def _objectives(record: Record) -> float | tuple[float, int]:
    """Return what a search is for: the accuracy on val, and the parameters too where it has two directions."""
    from hydra.core.hydra_config import HydraConfig

    # Of raw and averaged weights, those that count come last.
    accuracy = [result.accuracy for result in record.results if result.split == "val"][-1]
    hydra: Any = HydraConfig.get()
    return (accuracy, record.cost.params) if OmegaConf.is_list(hydra.sweeper.get("direction")) else accuracy


def _of_the_disk(error: BaseException) -> TrainingError | None:
    """Return an error of a disk that takes nothing, or nothing more, for people; None for any other."""
    if isinstance(error, OSError) and error.errno in DISK_ERRORS:
        room = "make room, or " if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        return TrainingError(f"{error.filename or 'the disk'}: {error.strerror}; {room}write {ELSEWHERE}")
    return None


def _remove_if_unused(folder: Path) -> None:
    """Remove a run's folder in which nothing was trained: Hydra makes it before the job can look at its input."""
    if folder.is_dir() and {path.name for path in folder.iterdir()} <= {".hydra", LOCK_FILE}:
        shutil.rmtree(folder)


@contextmanager
def errors_for_people() -> Iterator[None]:
    """Turn errors about the configuration, ours and Hydra's, into one paragraph and exit code 1."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    try:
        yield
    except ArchbuilderError as error:
        fail(error)
    except (HydraException, OmegaConfBaseException) as error:
        fail(explain(error, _defaults))
    except KeyboardInterrupt:
        print("stopped; the same command begins again, or goes on from what was saved", file=sys.stderr)
        raise SystemExit(128 + signal.SIGINT) from None
    except ValueError as error:
        # Hydra's word for optimizer=null; any other ValueError is a bug and keeps its traceback.
        if "Config group override" not in str(error):
            raise
        nulls = [text for text in sys.argv[1:] if text.endswith("=null")]
        fail(ConfigError(" ".join(nulls), "a group needs a choice; python train.py --help lists them"))
    except Exception as error:
        if told := _of_the_disk(error):
            fail(told)
        engine = type(error).__module__.partition(".")[0]
        if engine not in ENGINES:
            raise
        fail(TrainingError(f"{engine} lost a job: {error}\nthe same command trains what is not finished"))


def explain(error: Exception, defaults: Callable[[], dict[str, Any]]) -> ConfigError:
    """Return Hydra's error with the nearest key; `defaults` gives the configuration that was to be overridden."""
    text = " ".join(str(error).split())
    missing = re.search(r"Could not (?:find|load) '(hydra/\w+|\w+)/([^']+)'", text)
    if missing and missing.group(2).split("_")[0] in ENGINES:
        group, engine = missing.group(1), missing.group(2).split("_")[0]
        return ConfigError(group, f'{engine} is not installed: pip install "archbuilder[{engine}]"')
    if missing:
        return _no_such_choice(*missing.groups())
    found = re.search(r"Could not override '([^']+)'", text)
    if not found:
        # What could not even be parsed carries the override it came from.
        return ConfigError(str(getattr(error, "override", None) or "command line"), text)
    key = found.group(1).split("@")[0]
    node: Any = defaults()
    for part in key.split("."):
        if node and isinstance(node, dict) and part not in node:
            return ConfigError(key, f"there is no key '{part}'; {nearest_key(part, node)}")
        node = node.get(part) if isinstance(node, dict) else None
    return ConfigError(key, text)


def _no_such_choice(group: str, name: str) -> ConfigError:
    """Return the error about a group's choice that is not there, with the nearest one that is."""
    if name.endswith((".yaml", ".yml")):
        stem = Path(name).stem
        hint = (
            f"train.py takes names: put the file at DIR/{group}/{stem}.yaml and write --config-dir DIR {group}={stem}"
        )
        return ConfigError(group, f"'{name}' is a path; {hint}")
    own = _own_folder()
    if own and own.name == group and (own / f"{name}.yaml").is_file():
        return ConfigError(
            group, f"there is no {group} '{name}' in {shown(own / group)}; write --config-dir {shown(own.parent)}"
        )
    names = choices(folder / group for folder in (conf_dir(), own) if folder)
    # A wall of names helps nobody: those below the group itself come first, the rest only when one is near.
    near = names if difflib.get_close_matches(name, names, n=1) else [known for known in names if "/" not in known]
    return ConfigError(group, f"there is no {group} '{name}'; {suggestion(name, near, 'known')}")


def _defaults() -> dict[str, Any]:
    """Return the configuration without the command line's overrides; empty where it cannot be made."""
    from hydra import compose, initialize_config_dir
    from hydra.errors import HydraException

    # With the groups that were chosen: data=arrays has other keys than the default.
    chosen = [
        text
        for text in sys.argv[1:]
        if re.fullmatch(r"\w+=([\w/]+|\[[\w/,]+\])", text) and (conf_dir() / text.split("=")[0]).is_dir()
    ]
    own = _own_folder()
    searched = [f"hydra.searchpath=['{own}']"] if own else []
    try:
        with initialize_config_dir(str(conf_dir()), version_base="1.3"):
            config = compose("train", overrides=[*searched, *chosen])
    except HydraException:
        return {}
    return dict(OmegaConf.to_container(config))  # type: ignore[arg-type]


def _own_folder() -> Path | None:
    """Return the folder that the command line names with --config-dir, if it names one."""
    for word, following in itertools.pairwise([*sys.argv[1:], ""]):
        option, _, value = word.partition("=")
        if option in ("--config-dir", "-cd") and (value or following):
            return Path(value or following).resolve()
    return None
