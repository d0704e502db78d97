"""What a file inherits: others that it names in `defaults`, composed by Hydra."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from archbuilder.errors import ConfigError, like, suggestion
from archbuilder.language.model import SECTIONS
from archbuilder.language.overrides import quoted
from archbuilder.paths import choices, is_file


def inherit(path: Path, content: Mapping[str, Any], folders: Sequence[Path]) -> Any:
    """Return a file that names others in `defaults`, composed by Hydra; those are looked for in `folders`.

    Raises ConfigError.
    """
    if path.suffix != ".yaml":
        raise ConfigError(str(path), f"what names others in defaults has to be called {path.stem}.yaml")
    bases = _bases(path, content, {}, folders)
    merged = _merged_by_hydra(path, folders)
    if isinstance(merged, dict) and "model" in merged:
        raise ConfigError(str(path), "write @_here_ behind what it inherits, as in /model/resnet20@_here_")
    if bases is not None:
        _check_nulls(content, bases, str(path))
    return merged


def _bases(
    path: Path, content: Mapping[str, Any], seen: dict[Path, Any], folders: Sequence[Path]
) -> list[Mapping[str, Any]] | None:
    """Return the content of all files that one inherits from, or None where Hydra alone can tell which they are.

    Reading them here refuses what is too large before Hydra reads it.
    """
    from archbuilder.language.yaml import load_unresolved

    entries = content.get("defaults")
    known = isinstance(entries, list)
    listed = entries if isinstance(entries, list) else []
    for place, entry in enumerate(listed):
        name = entry.partition("@")[0] if isinstance(entry, str) else None
        if name == "_self_":
            if any(isinstance(later, str) for later in listed[place + 1 :]):
                raise ConfigError(str(path), _SELF_IS_LAST)
            continue
        base = _find_base(path, name, folders) if name else None
        if base is None:
            known = False
        elif base not in seen:
            seen[base] = inner = load_unresolved(base)
            if isinstance(inner, Mapping) and "defaults" in inner:
                known = _bases(base, inner, seen, folders) is not None and known
    return [base for base in seen.values() if isinstance(base, Mapping)] if known else None


_SELF_IS_LAST = "in defaults, _self_ belongs last: before it stands what is inherited, which this file then changes"


def _find_base(path: Path, name: str, folders: Sequence[Path]) -> Path | None:
    """Return the file that an entry of `defaults` names: `/model/resnet20` in a folder, others beside the file."""
    for folder in folders if name.startswith("/") else (path.parent,):
        base = folder / f"{name.strip('/').removesuffix('.yaml')}.yaml"
        if is_file(base):
            return base
    return None


def _check_nulls(content: Mapping[str, Any], bases: list[Mapping[str, Any]], where: str) -> None:
    """Refuse to drop a layer that there is none of in what a file inherits: its name is misspelt."""
    for section in (*SECTIONS, "outputs"):
        layers = content.get(section)
        known = [name for base in bases if isinstance(base.get(section), Mapping) for name in base[section]]
        for name, spec in layers.items() if isinstance(layers, Mapping) else ():
            if spec is None and name not in known:
                hint = suggestion(str(name), map(str, known), "layers there")
                raise ConfigError(f"{where}:{section}.{name}", f"nothing to drop: it inherits no such layer; {hint}")


def _merged_by_hydra(path: Path, folders: Sequence[Path]) -> Any:
    """Return what Hydra makes of a file and the files in its `defaults`."""
    from hydra import compose, initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra
    from hydra.errors import HydraException, MissingConfigException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    # A run composes its own configuration through Hydra's one global state: leave that as it was.
    before = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with warnings.catch_warnings(), initialize_config_dir(str(path.parent), version_base="1.3"):
            # Without _self_ in its defaults a file comes last, as if it stood there; Hydra warns of that.
            warnings.simplefilter("ignore", UserWarning)
            places = ",".join(quoted(f"file://{folder}") for folder in folders)
            config = compose(path.stem, overrides=[f"hydra.searchpath=[{places}]"])
        return OmegaConf.to_container(config)
    except RecursionError:
        raise ConfigError(str(path), "inherits from itself") from None
    except MissingConfigException as error:
        raise ConfigError(str(path), _not_there(error.missing_cfg_file or "", folders)) from None
    except (HydraException, OmegaConfBaseException, YAMLError, ValueError) as error:
        told = " ".join(str(error).split())
        # Hydra says nothing about a text that its grammar cannot take apart.
        raise ConfigError(str(path), told or "has an interpolation that cannot be read; write ${key}") from None
    finally:
        GlobalHydra.instance().clear()
        if before is not None:
            GlobalHydra.instance().initialize(before)


def _not_there(missing: str, folders: Sequence[Path]) -> str:
    """Return how to name what Hydra did not find."""
    named = missing.strip("/").removesuffix(".yaml")
    known = choices(folder / "model" for folder in folders)
    name = named.removeprefix("model/")
    near = [name] if name in known else like(name, known)
    if near:
        return f"there is no '{missing}' to inherit from; did you mean '/model/{near[0]}@_here_'?"
    return (
        f"there is no '{missing}' to inherit from; write /model/NAME@_here_, or NAME@_here_ for a file beside this one"
    )
