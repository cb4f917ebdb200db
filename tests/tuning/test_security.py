"""Nothing from outside becomes code here: whose searches are resumed, who can reach Ray, what is unpickled."""

import ast
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from common.errors import SearchError
from common.repository import ROOT
from data_prep.store.store import Store
from tests.tuning.plans import begin
from tests.tuning.processes import command, family, listening
from tuning import resume
from tuning.plan.plan import Plan
from tuning.storage import states

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


@pytest.mark.parametrize("name", [".", *STATES])
def test_what_others_can_write_is_not_resumed(name: str, stopped: Path) -> None:
    (stopped / name).chmod(0o777)
    with pytest.raises(SearchError) as refusal:
        resume.resumable(stopped)
    assert str(refusal.value) == (
        f"{stopped / name} must be owned by you and not writable by others: resuming runs code from it"
    )


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("name", [".", *STATES])
def test_what_another_user_owns_is_not_resumed(name: str, stopped: Path) -> None:
    os.chown(stopped / name, 12345, -1)
    with pytest.raises(SearchError, match="must be owned by you"):
        resume.resumable(stopped)


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
