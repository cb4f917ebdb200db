from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _in_one_thread(one_thread: None) -> None:
    """Every test here measures with small networks."""
