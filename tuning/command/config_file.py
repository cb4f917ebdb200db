"""Options from a file, --config search.yaml: each by its name, as the command line has it.

space: age_bands
data: data/faces
gpu-hours: 240
set:
  optimizer/weight_decay: 0.001
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from common.command_line import Parser, did_you_mean
from common.errors import OptionError
from common.security import terminal
from common.security.regular_file import MEGABYTE, read_bytes

CONFIG = "--config"
SWITCHED = {"true": True, "yes": True, "false": False, "no": False}


def taken_out(option: str, words: Sequence[str]) -> tuple[Path | None, list[str]]:
    """Find the path that follows an option in a command line, None where there is none, and the other words."""
    finder = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    finder.add_argument(option, dest="path", type=Path)
    try:
        found, rest = finder.parse_known_args(list(words))
    except argparse.ArgumentError:
        return None, list(words)  # the option stands alone: the whole parser says so
    return found.path, rest


def words(file: Path, parser: Parser) -> list[str]:
    """Write the options of the file as a command line has them.

    Raises:
        OptionError: it cannot be read, is no YAML mapping, or names an option that there is not.
    """
    return [word for key, value in _read(file).items() for word in _option(file, str(key), value, parser)]


class _Loader(yaml.BaseLoader):
    """It leaves every value the text that it is, so that `+20` keeps its sign. And it refuses a key that is there
    twice, of which YAML's own loader takes the last without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        found = super().construct_mapping(node, deep)
        if len(found) < len(node.value):
            raise yaml.constructor.ConstructorError(None, None, "a key is there twice", node.start_mark)
        return found


def _read(file: Path) -> dict[Any, Any]:
    try:
        content = yaml.load(read_bytes(file, MEGABYTE), _Loader)
    except OSError as error:
        raise OptionError(f"{CONFIG} {file}: it cannot be read ({error.strerror or error})") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        why = " ".join(str(error).split())
        raise OptionError(f"{CONFIG} {file}: YAML is needed, but {terminal.plain(why)[:200]}") from None
    if not isinstance(content, dict):
        raise OptionError(f"{CONFIG} {file}: options and their values are needed, as in `space: age_bands`")
    return content


def _option(file: Path, key: str, value: Any, parser: Parser) -> Iterator[str]:
    flag = f"--{key.replace('_', '-')}"
    known = {name: action for action in parser._actions for name in action.option_strings if name.startswith("--")}
    if flag not in known or flag in (CONFIG, "--help", "--queue"):
        raise OptionError(f"{CONFIG} {file}: {key}: no such option; {did_you_mean(flag, known) or '--help lists them'}")
    switch = known[flag].nargs == 0
    if switch and (not isinstance(value, str) or value not in SWITCHED):
        raise OptionError(f"{CONFIG} {file}: {key}: true or false is needed, but got {value!r:.60}")
    if switch:
        yield from [flag] if SWITCHED[value] else []
    elif isinstance(value, dict) and isinstance(known[flag], argparse._AppendAction):
        yield from (f"{flag}={name}={_text(file, f'{key}: {name}', each)}" for name, each in value.items())
    else:
        yield f"{flag}={_text(file, key, value)}"


def _text(file: Path, key: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise OptionError(f"{CONFIG} {file}: {key}: a number or a text is needed, but got {value!r:.60}")
    return value
