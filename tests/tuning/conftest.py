import functools
from collections.abc import Callable
from pathlib import Path

import pytest

from data_prep.store import Store
from tests.tuning.plans import small_plan
from tuning.plan import Plan


@pytest.fixture
def make_plan(tmp_path: Path, small_store: Store) -> Callable[..., Plan]:
    return functools.partial(small_plan, tmp_path / "runs", small_store)
