"""Makes a dataset store of raw photos."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from common import ray_cluster
from common.errors import OptionError, PhotoError, StoreError
from common.machine import cpu_cores
from common.security import terminal
from common.wording import counted, things
from data_prep.labels import SPLITS
from data_prep.photos import masks
from data_prep.photos.background import Background
from data_prep.prepare.draft import Draft, differing, sweep
from data_prep.prepare.inputs import Inputs, Row, Source, gather
from data_prep.prepare.parts import Job, Part, Record
from data_prep.prepare.tally import Tally
from data_prep.prepare.target import THIS_MACHINE, Target, Workforce, whole_name
from data_prep.prepare.this_machine import make_here
from data_prep.store.meta import StoreMeta
from data_prep.store.shards import PHOTOS_PER_SHARD
from data_prep.store.split import FRACTIONS
from data_prep.store.store import Store
from data_prep.survey.looks import refuse_what_is_none, sizes
from data_prep.workers import bar

Crew = Callable[..., Iterator[tuple[Part, Record]]]
"""(parts, said=) -> each part with its record, when it is done."""

MANY = 400_000
"""Photos whose labels take five seconds to be written and read again, which is said: nothing else moves meanwhile."""


def prepare(
    source: Source,
    target: Target,
    workforce: Workforce = THIS_MACHINE,
    *,
    progress: bool = True,
    say: Callable[[str], None] = terminal.say,
) -> Store:
    """Make a dataset store. If it is interrupted or fails, the next call makes what is missing, to the same bytes.

    Args:
        progress: whether a bar is shown.
        say: takes the lines that a person should read.

    Raises:
        OptionError, LabelError, PhotoError, WeightsError, StoreError: with what to do about it in the message.
    """
    described = target.named().describe()
    treatment: dict[str, Any] = {"background": described}
    if described["method"] != "keep":  # or there is no mask
        treatment["implausible"] = target.implausible
    inputs = gather(source, say, progress)
    size = target.size or inputs.source_size
    treatment["size"] = list(size)
    made_from = inputs.made_from | treatment
    if os.path.lexists(target.out):
        return _existing(target.out, made_from, say)
    refuse_what_is_none(inputs.photos, inputs.looks, target.max_left_out)
    background = target.loaded()
    versions = background.versions()
    with Draft(target.out, size, treatment | {"versions": versions}) as draft:
        crew = _crew(Job(draft.shards, size, background), target.background, workforce, say)
        records = _records(draft, _parts(inputs), crew, target.max_left_out, progress, say)
        rows, left_out, masked = _kept(inputs, records)
        _check_some_are_left(rows, left_out)
        meta = StoreMeta(
            profile=target.profile or inputs.profile,
            task=inputs.task,
            bands=source.bands,
            source_size=inputs.source_size,
            background=described,
            implausible=treatment.get("implausible"),
            masks=masks.summary(masked, [mask for each in records for mask in each.masks]),
            left_out=left_out,
            not_used=inputs.not_used,
            sizes=sizes(inputs.labelled, size),
            identical=inputs.identical,
            near=inputs.near,
            split=_split(source.seed, inputs.together),
            made_from=made_from,
            versions=versions,
        )
        if len(rows) >= MANY:
            say(f"writing what is known of {counted(len(rows), 'photo')}")
        return Store.open(draft.finish(rows, records, meta))


def _split(seed: int, together: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Describe how the splits were drawn, as store.json has it."""
    return {"seed": seed, "fractions": list(FRACTIONS), **({"together": together} if together else {})}


def _parts(inputs: Inputs) -> list[Part]:
    """Cut the photos into parts, in their order, a shard each."""
    train = [row["split"] == SPLITS[0] for row in inputs.rows]
    cuts = [slice(start, start + PHOTOS_PER_SHARD) for start in range(0, len(train), PHOTOS_PER_SHARD)]
    return [Part(number, inputs.photos[cut], train[cut]) for number, cut in enumerate(cuts)]


def _crew(job: Job, background: str | Background, workforce: Workforce, say: Callable[[str], None]) -> Crew:
    """Choose who makes the parts: this machine, or those of a Ray cluster."""
    if workforce.cluster is None:
        workers = workforce.workers or cpu_cores()
        return partial(make_here, job=job, workers=workers, processes=workforce.processes)
    if isinstance(background, Background):
        raise OptionError("on a cluster the background must be one that every machine can load by its name")
    ray_cluster.use_token()
    from data_prep.prepare.cluster import make_there

    method = whole_name(background)
    return partial(
        make_there, job=job, background=method, threads=workforce.workers, cluster=workforce.cluster, say=say
    )


def _records(
    draft: Draft, parts: Sequence[Part], crew: Crew, most: float, progress: bool, say: Callable[[str], None]
) -> list[Record]:
    """Collect the records of all parts, in their order: those of earlier runs, and those that are made now."""
    records = draft.records(parts)
    missing = [part for part in parts if part.number not in records]
    if records:
        say(
            f"going on with {draft.folder}: {len(records)} of {counted(len(parts), 'shard')} "
            f"{things(len(records), 'is', 'are')} there"
        )
    draft.check_space(missing)
    total = sum(len(part.photos) for part in parts)
    with bar(progress) as shown:
        said = Tally(total, most, shown)
        said.before((part, records[part.number]) for part in parts if part.number in records)
        for part, record in crew(missing, said=said):
            draft.keep(part, record)
            records[part.number] = record
    return [records[part.number] for part in parts]


def _kept(inputs: Inputs, records: Sequence[Record]) -> tuple[list[Row], list[dict[str, Any]], list[str]]:
    """Divide photos into rows of index.csv and {"path", "why"} of each that is not in the store; and name the masked.

    One to predict also has its place among those, from 0: an answer may be wanted for it all the same.

    Returns:
        rows, those left out, and the path of each photo that has a mask where there are any, as `Record.masks` go.
    """
    rows: list[Row] = []
    left_out: list[dict[str, Any]] = []
    first_to_predict = len(inputs.labelled)
    masked: list[str] = []
    for number, record in enumerate(records):
        theirs = inputs.rows[number * PHOTOS_PER_SHARD :][: record.photos]
        unused = record.unused
        rows += [row for i, row in enumerate(theirs) if i not in unused]
        for i, why in unused.items():
            place = number * PHOTOS_PER_SHARD + i - first_to_predict
            left_out.append({"path": str(theirs[i]["path"]), "why": why} | ({"eval": place} if place >= 0 else {}))
        masked += [str(row["path"]) for i, row in enumerate(theirs) if i not in record.left_out]
    return rows, left_out, masked


def _check_some_are_left(rows: Sequence[Row], left_out: Sequence[Mapping[str, str]]) -> None:
    if not any(row["split"] == SPLITS[0] for row in rows):
        example = f", e.g. {left_out[0]['path']} ({left_out[0]['why']})" if left_out else ""
        raise PhotoError(
            f"no photo to train on is left: {len(left_out)} of {len(rows) + len(left_out)} were left out{example}; "
            "mend them, or keep their background: --background keep"
        )


def _existing(out: Path, made_from: Mapping[str, Any], say: Callable[[str], None]) -> Store:
    try:
        store = Store.open(out)
    except StoreError as error:
        raise StoreError(f"{out} exists and is not a store to go on with ({error}), or choose another --out") from None
    if differs := differing(store.meta.get("made_from", {}), made_from):
        raise StoreError(f"{out} holds a store made with other {', '.join(differs)}: choose another --out")
    sweep(out)
    say(f"{out} was prepared before, of the same photos in the same way: nothing to do")
    return store
