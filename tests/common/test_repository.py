from __future__ import annotations

import pytest

from common.repository import ROOT, python_path


def test_others_import_what_this_process_may_and_never_from_where_they_happen_to_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for named, found in (("/modules/torch:/modules/ray", f"{ROOT}:/modules/torch:/modules/ray"), ("", f"{ROOT}")):
        monkeypatch.setenv("PYTHONPATH", named)
        assert python_path() == {"PYTHONPATH": found}
    monkeypatch.delenv("PYTHONPATH")
    assert python_path() == {"PYTHONPATH": str(ROOT)}
