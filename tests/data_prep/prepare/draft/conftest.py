import pytest

from data_prep.prepare import prepare as module
from tests.data_prep.preparing import prepared


@pytest.fixture(autouse=True)
def _ten_a_shard(monkeypatch):
    monkeypatch.setattr(module, "PHOTOS_PER_SHARD", 10)


@pytest.fixture
def make(raw, tmp_path):
    """`prepare` on the ten people; `said` gets what it says."""

    def run(out="store", said=None, **options):
        settings = {"eval_dir": raw.eval, "background": "keep", "progress": False, "workers": 2} | options
        return prepared(
            raw.images, raw.labels, tmp_path / out, say=[].append if said is None else said.append, **settings
        )

    return run
