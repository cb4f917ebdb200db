"""`prepare` as tests call it: options by their names, wherever they belong."""

from dataclasses import fields
from pathlib import Path
from typing import Any

from data_prep.prepare.inputs import Source
from data_prep.prepare.prepare import prepare
from data_prep.prepare.target import Target, Workforce
from data_prep.store.store import Store


def prepared(images: Path, labels: Path | None, out: Path, **options: Any) -> Store:
    """The store of `images` and `labels`; every option goes to the dataclass that has it, or to `prepare`."""

    def those_of(kind: Any) -> dict[str, Any]:
        return {field.name: options.pop(field.name) for field in fields(kind) if field.name in options}

    source = Source(images, labels, **those_of(Source))
    target = Target(out, **those_of(Target))
    workforce = Workforce(**those_of(Workforce))
    return prepare(source, target, workforce, **options)
