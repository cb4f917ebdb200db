from __future__ import annotations

from collections.abc import Callable

import pytest

from common.command_line import exit_code
from data_prep.suspects.__main__ import main


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: object) -> tuple[int, str, str]:
        code = exit_code(lambda: main([str(argument) for argument in arguments]))
        return code, *capsys.readouterr()

    return run
