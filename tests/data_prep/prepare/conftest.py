import pytest

from data_prep.store.store import Store
from tests.data_prep.preparing import prepared


@pytest.fixture
def make(raw, tmp_path):
    """`prepare` on the ten people, with the background kept."""

    def run(out="store", **options) -> Store:
        settings = {"eval_dir": raw.eval, "background": "keep", "progress": False, "say": lambda line: None} | options
        return prepared(raw.images, raw.labels, tmp_path / out, **settings)

    return run
