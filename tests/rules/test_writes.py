"""Whatever a resume, a store or a vote relies on is written by common/files.py: whole, and on the disk."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

import pytest

from tests.rules.sources import tree
from tests.rules.test_imports import MODULES

RENAMED_ELSEWHERE = {
    "data_prep.store.shards": "a shard is streamed from call to call",
    "data_prep.store.writer": "a store may be begun by one process and sealed by the next",
    "data_prep.node_copy": "half a copy is kept, and gone on with",
    "data_prep.sample.draw": "of two that draw the same sample either may win",
}
"""Who gives its name to what is whole without the help of common.files, and why."""


def renames(file: Path) -> bool:
    """Whether a file renames anything: os.replace(a, b), shutil.move(a, b), a.rename(b), a.replace(b)."""
    nodes = list(ast.walk(tree(file)))
    modules = {alias.asname or alias.name for node in nodes if _imports(node) for alias in node.names}
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.keywords:
            called, of_path = ast.unparse(node.func), node.func.attr in ("rename", "replace") and len(node.args) == 1
            if called in BY_NAME or (of_path and ast.unparse(node.func.value) not in modules):
                return True
    return False


def _imports(node: ast.AST) -> TypeGuard[ast.Import | ast.ImportFrom]:
    return isinstance(node, ast.Import | ast.ImportFrom)


BY_NAME = ("os.replace", "os.rename", "os.renames", "shutil.move")


def test_what_is_renamed_when_it_is_whole_is_renamed_in_one_place() -> None:
    found = {module for module, file in MODULES.items() if renames(file)}
    assert found == {"common.files", *RENAMED_ELSEWHERE}, "write to what `replacing` or `new_folder` of it yields"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("os.replace(fresh, file)", True),
        ("shutil.move(fresh, file)", True),
        ("(folder / 'fresh').rename(file)", True),
        ("fresh.replace(folder / 'file')", True),
        ("text.replace('a', 'b')", False),
        ("dataclasses.replace(plan, name='x')", False),
        ("from trainable.network import pointwise\npointwise.replace(model)", False),
        ("table.rename(columns=names)", False),
    ],
)
def test_what_counts_as_renaming(source: str, found: bool, tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(source)
    assert renames(tmp_path / "module.py") is found


def test_who_renames_elsewhere_flushes_too() -> None:
    for module in RENAMED_ELSEWHERE:
        called = {ast.unparse(node.func) for node in ast.walk(tree(MODULES[module])) if isinstance(node, ast.Call)}
        assert "flush" in called, module


WRITTEN_ELSEWHERE = {
    "common.security.archives": "a temporary copy, to read it",
    "data_prep.node_copy.remote": "a temporary copy, to read it",
    "data_prep.sample.draw": "the whole sample is flushed at once",
    "data_prep.store.shards": "a shard is flushed when it is finished",
    "trainable.worker.durable": "trial.log is for people",
    "trainable.worker.ray_trainable": "error.txt is for people",
    "trainable.worker.remote_trial": "trial.log is for people",
    "tuning.callbacks.json_lines": "a line is added, and flushed before a state that knows its epoch",
    "tuning.cluster.checks": "files by which machines see whether they share a folder",
}
"""Who writes files past common.files, and why nobody goes on from them after a power cut."""


def test_what_is_gone_on_from_is_written_in_one_place() -> None:
    found = {module: writes for module, file in MODULES.items() if (writes := list(direct_writes(tree(file))))}
    others = {module: writes for module, writes in found.items() if module not in WRITTEN_ELSEWHERE}
    assert not others, f"write to what `replacing` yields, and not by {others}"
    assert set(found) == set(WRITTEN_ELSEWHERE)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("file.write_text('a')", True),
        ("file.open('a')", True),
        ("open(file, mode='wb')", True),
        ("np.savez(file, a=1)", True),
        ("torch.save(state, file)", True),
        ("save_file(weights, file)", True),
        ("shutil.copyfile(a, b)", True),
        ("table.to_csv(file, index=False)", True),
        ("table.to_csv(index=False)", False),
        ("file.open()", False),
        ("with replacing(file) as fresh:\n    fresh.write_text('a')", False),
        ("with new_folder(a, alone=True) as fresh, fresh.open('wb') as stream:\n    np.savez(stream, a=1)", False),
    ],
)
def test_what_counts_as_writing_past_it(source: str, found: bool) -> None:
    assert bool(list(direct_writes(ast.parse(source)))) is found


def direct_writes(root: ast.AST, within: bool = False) -> Iterator[str]:
    """Calls that write a file by its name, but for those within `replacing` or `new_folder`."""
    for node in ast.iter_child_nodes(root):
        inside = within or (isinstance(node, ast.With) and any(map(_begins_whole, node.items)))
        if isinstance(node, ast.Call) and not inside and _writes(node):
            yield ast.unparse(node)
        yield from direct_writes(node, inside)


def _begins_whole(item: ast.withitem) -> bool:
    return ast.unparse(item.context_expr).startswith(("replacing(", "new_folder("))


def _writes(call: ast.Call) -> bool:
    name = ast.unparse(call.func)
    method = name.rpartition(".")[2]
    if method == "open":
        modes = [*call.args, *(each.value for each in call.keywords if each.arg == "mode")]
        return any(isinstance(mode, ast.Constant) and set(str(mode.value)) & set("wax+") for mode in modes)
    if method == "to_csv":
        return bool(call.args)
    return name in ("torch.save", "np.save", "save_file") or (
        isinstance(call.func, ast.Attribute) and method in BY_METHOD and name != "files.write_bytes"
    )


BY_METHOD = ("write_text", "write_bytes", "tofile", "savez", "save_file", "copyfile", "copytree")
