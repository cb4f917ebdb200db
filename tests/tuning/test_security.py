"""Nothing from outside becomes code here: whose searches are resumed, who can reach Ray, what is unpickled."""

import ast
import json
import os
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import tune_main
from common.errors import SearchError, SpaceError, UriError
from common.repository import ROOT
from data_prep.store.store import Store
from tests.helpers.strangers import STRANGER, as_a_stranger, needs_a_stranger
from tests.tuning.helpers.plans import begin
from tests.tuning.helpers.processes import command, family, listening
from tuning import resume, search
from tuning.ownership import lock
from tuning.plan import spaces
from tuning.plan.plan import Plan
from tuning.storage import home, states, trusted

STATES = (
    "experiment_state-1.json",
    "search_gen_state-1.json",
    "searcher-state-1.pkl",
    "state",
    "state/000001",
    "state/000001/experiment_state-1.json",
    "state/000001/search_gen_state-1.json",
    "state/000001/searcher-state-1.pkl",
)


@pytest.fixture
def stopped(make_plan: Callable[..., Plan], small_store: Store) -> Path:
    """The folder of a search that can be resumed."""
    plan = make_plan()
    begin(plan, small_store.hash)
    (plan.folder / "state/000001").mkdir(parents=True)
    for folder in (plan.folder, plan.folder / "state/000001"):
        for pattern in states.RAYS:
            (folder / pattern.replace("*", "1")).touch()
    return plan.folder


def test_the_users_own_search_is_resumed_also_where_its_folder_is_a_link(stopped: Path, tmp_path: Path) -> None:
    assert resume.resumable(stopped).plan.name == "age_bands"
    (tmp_path / "age_bands").symlink_to(stopped)
    assert resume.resumable(tmp_path / "age_bands").plan.name == "age_bands"


CALLBACKS = "callback-states-1.pkl"
"""Ray unpickles one that is there, and our searches have none."""


@pytest.mark.parametrize(
    ("name", "mode", "who"),
    [(".", 0o777, "its group and everybody"), (".", 0o702, "everybody")]
    + [(name, 0o775, "its group") for name in (".", *STATES, CALLBACKS)],
)
def test_what_others_can_write_is_not_resumed(name: str, mode: int, who: str, stopped: Path) -> None:
    (stopped / CALLBACKS).touch()
    (stopped / name).chmod(mode)
    with pytest.raises(SearchError) as refusal:
        resume.resumable(stopped)
    assert str(refusal.value) == (
        f"{stopped / name} can be written by {who}: resuming runs code from it. Begin another search; or, if you are "
        f"sure of everything in {stopped}, make it yours alone: chmod -R go-w {stopped}"
    )


@pytest.mark.parametrize("umask", [0, 0o002])
def test_whoever_searches_makes_nothing_that_others_can_write_whatever_the_umask(umask: int, tmp_path: Path) -> None:
    (tmp_path / "empty.py").touch()
    before = os.umask(umask)
    try:
        with pytest.raises(SpaceError):
            tune_main.main(["--space", f"{tmp_path / 'empty.py'}:SPACE"])
        (tmp_path / "made").mkdir()
    finally:
        os.umask(before)
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o755


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("name", [".", *STATES, CALLBACKS])
def test_what_another_user_owns_is_not_resumed(name: str, stopped: Path) -> None:
    (stopped / CALLBACKS).touch()
    os.chown(stopped / name, 12345, -1)
    with pytest.raises(SearchError, match=r"belongs to another user: .* chown -R \$USER /"):
        resume.resumable(stopped)


@needs_a_stranger
@pytest.mark.parametrize("what", ["hard link", "in a state", "by its group"])
def test_what_another_user_put_there_is_not_resumed(what: str, stopped: Path, tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(0o755)
    theirs = stopped / "state/000002/searcher-state-1.pkl"
    if what == "hard link":
        (tmp_path / "evil").touch()
        os.chown(tmp_path / "evil", STRANGER, -1)
        theirs = stopped / "state/000001/searcher-state-2.pkl"
        theirs.hardlink_to(tmp_path / "evil")
    elif what == "in a state":
        (stopped / "state").chmod(0o777)
        assert as_a_stranger("sh", "-c", f"umask 0; mkdir {theirs.parent} && touch {theirs}").returncode == 0
        (stopped / "state").chmod(0o755)
    else:
        theirs = stopped / "state/000001/searcher-state-1.pkl"
        os.chown(theirs, -1, 4321)
        theirs.chmod(0o664)
        assert as_a_stranger("sh", "-c", f"echo evil > {theirs}", group=4321).returncode == 0
    with pytest.raises(SearchError, match=r"belongs to another user|can be written by its group"):
        resume.resumable(stopped)


@pytest.fixture
def at_an_address(stopped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A search that is kept at a file:// address, its mirror not here yet."""
    monkeypatch.setenv("MASKTUNE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(lock, "CLAIM", 0.1)
    return stopped.as_uri()


def resumable_at(uri: str) -> resume.Resumable:
    place = home.at(uri)
    place.fetch()
    return resume.resumable(place.folder, remote=uri)


@pytest.mark.parametrize("name", [".", *STATES[3:]])
def test_a_search_at_a_file_address_is_looked_at_where_it_lies(name: str, at_an_address: str, stopped: Path) -> None:
    assert resumable_at(at_an_address).plan.name == "age_bands"
    (stopped / name).chmod(0o775)
    with pytest.raises(SearchError, match=f"^{re.escape(str(stopped / name))} can be written by its group"):
        resumable_at(at_an_address)


@pytest.mark.parametrize("spelt", ["file://{}", "FILE://{}", "file:///.{}", "file://{}/"])
def test_however_its_address_is_spelt(spelt: str, at_an_address: str, stopped: Path) -> None:
    (stopped / "state/000001/searcher-state-1.pkl").chmod(0o664)
    with pytest.raises((SearchError, UriError)):
        resumable_at(spelt.format(stopped))


def test_a_search_that_is_given_away_after_it_was_looked_at_runs_nothing(stopped: Path) -> None:
    found = resume.resumable(stopped)
    (stopped / "state/000001").chmod(0o775)
    with pytest.raises(SearchError, match="can be written by its group"):
        search.resume(found)


def test_of_a_storage_that_knows_no_owners_it_is_said_who_can_run_code(
    stopped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trusted, "here", lambda remote: None)
    assert resume.resumable(stopped, remote="s3://bucket/age_bands").notes == [
        "a search is gone on with by code that lies at s3://bucket/age_bands: who can write there can run theirs here"
    ]


EVIL = "from pathlib import Path\nPath(__file__).with_name('ran').touch()\n"
SPACE = """
from optuna.distributions import FloatDistribution
SPACE = {"loss/smoothing": FloatDistribution(0, 0.2)}
START = [{"loss/smoothing": 0.02}]
"""


@pytest.fixture
def of_a_file(stopped: Path, tmp_path: Path) -> Path:
    """The space's file of a search that can be resumed."""
    file = tmp_path / "smoothing.py"
    file.write_text(SPACE)
    about = json.loads((stopped / "search.json").read_text())
    about["space"] = spaces.to_json(spaces.load(str(file)))
    about["settings"] = {}
    (stopped / "search.json").write_text(json.dumps(about))
    return file


def test_a_spaces_file_is_compared_and_not_run_to_see_whether_it_has_changed(of_a_file: Path, stopped: Path) -> None:
    assert resume.resumable(stopped).notes == []
    of_a_file.write_text(EVIL + SPACE)
    note = f"the space {of_a_file} has changed since: the search goes on with the one it began with"
    assert resume.resumable(stopped).notes == [note]
    assert not of_a_file.with_name("ran").exists()
    of_a_file.unlink()
    assert resume.resumable(stopped).notes == [note]
    os.mkfifo(of_a_file)
    assert resume.resumable(stopped).notes == [note]


def test_nor_is_that_of_a_search_which_does_not_say_what_it_was(of_a_file: Path, stopped: Path) -> None:
    """Those of earlier versions."""
    about = json.loads((stopped / "search.json").read_text())
    del about["space"]["code"]
    (stopped / "search.json").write_text(json.dumps(about))
    of_a_file.write_text(EVIL + SPACE)
    assert resume.resumable(stopped).notes == []
    assert not of_a_file.with_name("ran").exists()


@pytest.mark.parametrize("name", STATES)
def test_a_state_that_lies_elsewhere_is_not_resumed(name: str, stopped: Path, tmp_path: Path) -> None:
    elsewhere = (stopped / name).rename(tmp_path / "elsewhere")
    (stopped / name).symlink_to(elsewhere)
    with pytest.raises(SearchError) as refusal:
        resume.resumable(stopped)
    link = f"{stopped / name} is a link to {elsewhere}"
    assert str(refusal.value) == f"{link}: resuming would run code from there; remove it"


def test_a_ray_of_ones_own_listens_on_loopback_only_and_has_no_dashboard(ray_session: None) -> None:
    with socket.create_server(("0.0.0.0", 0)) as everywhere, socket.create_server(("127.0.0.1", 0)) as here:
        ours = listening([os.getpid()])
        assert ours >= {("0.0.0.0", everywhere.getsockname()[1]), ("127.0.0.1", here.getsockname()[1])}
    with socket.create_server(("::", 0), family=socket.AF_INET6) as everywhere:
        assert ("::", everywhere.getsockname()[1]) in listening([os.getpid()])
    processes = family(os.getpid())
    commands = [command(pid) for pid in processes]
    assert any("raylet" in each for each in commands)
    assert any("gcs_server" in each for each in commands)
    addresses = listening(processes)
    assert len(addresses) > 3
    assert {host for host, _ in addresses} == {"127.0.0.1"}
    for unused in ("dashboard/dashboard.py", "autoscaler/_private/monitor.py", "log_monitor.py"):
        assert not any(unused in each for each in commands)


def test_nothing_is_unpickled_and_weights_are_read_as_weights_only() -> None:
    files = [*ROOT.glob("*.py"), *(file for room in ROOMS for file in (ROOT / room).rglob("*.py"))]
    assert len(files) > 100
    found = [f"{file.relative_to(ROOT)}:{line}" for file in files for line in unsafe(ast.parse(file.read_text()))]
    assert found == []


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ("torch.load(file)", True),
        ("torch.load(file, weights_only=False)", True),
        ("torch.load(file, map_location='cpu', weights_only=True)", False),
        ("np.load(file)", False),
        ("np.load(file, allow_pickle=False)", False),
        ("np.load(file, allow_pickle=True)", True),
        ("numpy.load(file, allow_pickle=yes)", True),
        ("import pickle", True),
        ("from cloudpickle import loads", True),
        ("pandas.read_pickle(file)", True),
        ("joblib.load(file)", True),
        ("json.load(file)", False),
    ],
)
def test_what_counts_as_unpickling(source: str, wrong: bool) -> None:
    assert bool(list(unsafe(ast.parse(source)))) is wrong


ROOMS = ("search_spaces", "data_prep", "trainable", "tuning", "ensemble", "benchmarks")
PICKLES = ("pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal")


def unsafe(tree: ast.AST) -> Iterator[int]:
    """The lines of a module that may run code from what they read."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            if any(part in PICKLES for name in names for part in name.split(".")):
                yield node.lineno
        elif isinstance(node, ast.Call):
            options = {each.arg: getattr(each.value, "value", None) for each in node.keywords}
            called = ast.unparse(node.func)
            if (
                (called == "torch.load" and options.get("weights_only") is not True)
                or (called in ("np.load", "numpy.load") and options.get("allow_pickle", False) is not False)
                or called.endswith("read_pickle")
                or called.split(".")[0] in PICKLES
            ):
                yield node.lineno
