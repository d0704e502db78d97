"""The one YAML loader: OmegaConf's reading of numbers, plain data out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from archbuilder.errors import ConfigError


def load(path: Path) -> Any:
    """Return the content of a YAML file as plain data, interpolations resolved.

    Raises ConfigError naming the file where it cannot be read, is no YAML, or says a key twice.
    """
    import yaml
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        return OmegaConf.to_container(OmegaConf.load(path), resolve=True)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), f"cannot be read: {error}") from None
    except RecursionError:
        raise ConfigError(str(path), "is nested too deeply to be read") from None
    except yaml.YAMLError as error:
        raise ConfigError(str(path), f"is not valid YAML: {' '.join(str(error).split())}") from None
    except (OmegaConfBaseException, ValueError) as error:
        raise ConfigError(str(path), " ".join(str(error).split())) from None
