"""Read YAML files; a key that stands twice is an error."""

from __future__ import annotations

import os
from typing import Any

import yaml

from hmmlens.errors import ConfigError


class _Loader(yaml.SafeLoader):
    """Safe loader that refuses a key given twice, and reports the line of a bad value."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        # Checked before merge keys (<<) are followed, for a section may override what it merges.
        mapping = super().compose_mapping_node(anchor)
        lines: dict[tuple[str, str], int] = {}
        for key, _ in mapping.value:
            if isinstance(key, yaml.ScalarNode):
                first = lines.get((key.tag, key.value))
                if first is not None:
                    raise yaml.composer.ComposerError(
                        problem=f"the key {key.value!r} is given twice, first on line {first}",
                        problem_mark=key.start_mark,
                    )
                lines[key.tag, key.value] = key.start_mark.line + 1
        return mapping

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except ValueError as error:
            # Such as the date 2025-13-01, which looks like a date and is none.
            raise yaml.constructor.ConstructorError(
                problem=str(error), problem_mark=node.start_mark
            ) from None


def read_yaml(path: str | os.PathLike[str]) -> Any:
    """Read a YAML file in which no key is given twice.

    Parameters
    ----------
    path : str or os.PathLike
        The file, in UTF-8.

    Returns
    -------
    object
        What the file holds.

    Raises
    ------
    ConfigError
        With one sentence that names the line.
    """
    source = os.fspath(path)
    try:
        with open(path, "rb") as file:
            return _Loader(file).get_single_data()
    except OSError as error:
        raise ConfigError(f"{source}: the file cannot be read: {error.strerror}") from None
    except yaml.MarkedYAMLError as error:
        where = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        problem = ", ".join(part for part in (error.context, error.problem) if part)
        problem += "; indent with spaces, not tabs" if "'\\t'" in problem else ""
        raise ConfigError(f"{source}: {where}not valid YAML: {problem}") from None
    except RecursionError:
        raise ConfigError(f"{source}: not valid YAML: brackets nested too deeply") from None
    except yaml.reader.ReaderError as error:
        raise ConfigError(
            f"{source}: not a text file in UTF-8: {error.reason} at position {error.position}"
        ) from None
