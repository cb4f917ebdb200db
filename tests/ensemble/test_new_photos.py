import pytest

from common.errors import OptionError
from ensemble.select_and_predict import main


@pytest.mark.parametrize(("folder", "why"), [("empty", "no photo in it"), ("nowhere", "no folder")])
def test_photos_that_are_not_there_are_refused_before_a_search_is_looked_for(tmp_path, folder, why):
    (tmp_path / "empty").mkdir()
    with pytest.raises(OptionError, match=f"--photos.*: {why}"):
        main(["--search", str(tmp_path / "no search"), "--photos", str(tmp_path / folder)])
