from __future__ import annotations

import pickle

from benchmarks.gpu.proofs import PARTS


def test_parts_have_names_of_their_own_and_travel_to_another_process() -> None:
    assert len({part.name for part in PARTS}) == len(PARTS) == 12
    assert [pickle.loads(pickle.dumps(part)) for part in PARTS] == PARTS
    assert sum(part.seconds for part in PARTS) <= 225
