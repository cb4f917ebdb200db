"""The card of a model that leaves its search, README.md: how good it is, what it is not for, and how it is used.

Figures are those of ensemble.json, which counts how often test was opened; nothing is measured here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from common.security.terminal import plain
from common.wording import counted, things
from data_prep.task import IN_WORDS
from ensemble.model.description import Description

NOT_FOR = """\
- Not for identifying people: it tells nobody from anybody else, and was never tested for that.
- Not for decisions about a person: who enters, is served, hired, insured, checked or punished, or who is old enough.
  It is wrong about some people, and more often about those who are rare in its data.
- Not for saying whether a mask protects anybody.
- Gender and age are what is annotated in the data that it was trained on, not what a person says of themselves, and it
  can say nothing else.
- Nothing is known of photos unlike those that it was trained on: other cameras, places, people, masks. Measure it on
  photos of your own before you rely on it.
"""


def card(description: Description, name: str) -> str:
    """Write the card.

    Args:
        name: of the folder or file that it goes to, as commands call it.
    """
    parts = {
        "How good it is": _figures(description.figures, description),
        "What it is not for": NOT_FOR.splitlines(),
        "How to use it": _use(description, name),
        "What is done to a photo": _photo(description),
        "Who votes": _members(description),
        "What it was trained on": _data(description),
    }
    title = ", ".join(IN_WORDS[factor] for factor in description.task.factors)
    text = [f"# {title.capitalize()} of a face", "", *_what(description)]
    for heading, lines in parts.items():
        text += ["", f"## {heading}", "", *lines]
    return "\n".join(text) + "\n"


def _what(description: Description) -> Iterator[str]:
    task = description.task
    yield f"Given the photo of a face, it says one of {task.classes} classes:"
    yield ""
    for factor in task.factors:
        yield f"- {IN_WORDS[factor]}: {', '.join(task.values(factor, description.bands))}"
    yield ""
    yield f"Made with masktune on {description.made[:10]}. Read what it is not for before you use it."


def _figures(figures: Mapping[str, Any], description: Description) -> Iterator[str]:
    used = [step for step in figures.get("val") or () if step["used"]]
    test, opened = figures.get("test"), figures.get("test_opened", 0)
    yield "| macro F1 | | 95% interval |"
    yield "|---|---|---|"
    if used:
        yield f"| val, by which the members were chosen: too high | {used[-1]['on_val']:.3f} | |"
        if used[-1].get("nested") is not None:
            yield f"| val, nested: on people by whom it was not chosen | {used[-1]['nested']:.3f} | |"
    if test:
        photos = counted(test["photos"], "photo")
        yield f"| test, {photos} of people on whom nothing was tuned | {_score(test['ensemble'])} |"
        yield f"| the best single member on test | {_score(test['best_single'])} |"
    yield ""
    if figures.get("refit"):
        yield "Its networks were trained again on train and val together; val's figures are of those before."
    if not test:
        yield "Test was not opened for it: nobody knows how it does on people on whom nothing was tuned."
    times = "once" if opened == 1 else f"{opened} times, and the more often, the less it says of new people"
    if opened:
        yield f"Test of its search was opened {times}."
    if test:
        yield from _details(test, description)


def _details(test: Mapping[str, Any], description: Description) -> Iterator[str]:
    whole = test["ensemble"]
    if whole.get("classes_seen", description.task.classes) < description.task.classes:
        seen = f"{whole['classes_seen']} of {description.task.classes} classes"
        yield f"Test has photos of {seen}: of the others nothing is known."
    if whole.get("thin"):
        yield f"{whole['thin']} of the classes {things(whole['thin'], 'rests', 'rest')} on one person."
    if gain := test.get("gain"):
        yield (
            f"On the same people it is {gain['gain']:+.3f} from its best single member, {gain['low']:+.3f} to "
            f"{gain['high']:+.3f}."
        )
    if by_factor := test.get("by_factor"):
        yield from ("", "| macro F1 on test of | | 95% interval |", "|---|---|---|")
        yield from (f"| {IN_WORDS.get(factor, factor)} | {_score(score)} |" for factor, score in by_factor.items())


def _score(value: Any) -> str:
    """Write a score as two cells: some are known with their interval, others without."""
    if isinstance(value, Mapping):
        return f"{value['f1']:.3f} | {value['low']:.3f} to {value['high']:.3f}"
    return f"{value:.3f} |"


def _use(description: Description, name: str) -> Iterator[str]:
    yield from (
        "With a checkout of masktune and its packages (`make install`), in its folder; no search, no store, no Ray:",
        "",
        f"    python -m ensemble.predict {name} PHOTOS --out predictions.csv",
        "",
        "or in Python:",
        "",
        "    from ensemble.model import load",
        f'    model = load("{name}")',
        '    print(model.predict(["a.jpg", "b.jpg"]))',
    )
    converted = [member.onnx for member in description.members if member.onnx]
    if not converted:
        return
    height, width = description.treatment.size
    most, photos = max(each["largest_difference"] for each in converted), converted[0]["photos"]
    yield from (
        "",
        "Each `.onnx` file is one member, for other programs:",
        "",
        f"- input `photos`: uint8 [n, {height}, {width}, 3], red, green and blue of photos that were treated as below",
        f"- output `probabilities`: float32 [n, {description.task.classes}], in the order of `classes` in `model.json`",
        "",
        "Crop, resize and colours are inside; the views are not: it sees the plain photo. Members are joined as `rule`",
        f"in `model.json` says. On {counted(photos, 'photo')} of val no probability was more than {most:.1g} from",
        "PyTorch's in float32.",
    )


def _photo(description: Description) -> Iterator[str]:
    how, background = description.treatment, description.treatment.background
    yield f"- It is fitted to {how.size[0]}x{how.size[1]} pixels (height x width)."
    if background["model"] is None:
        yield "- Its background is kept."
    else:
        yield f"- Its background is removed by {_code(background['model'])}, which is not in here: SHA-256"
        yield f"  {background['sha256']}. Masks that are hard to believe: {how.implausible}."
    yield f"- It is seen in {_count(description.views, 'view')}, the plain one first. Each member has its own crop."


def _members(description: Description) -> Iterator[str]:
    yield "| member | network | weight | temperature | crop | seen at |"
    yield "|---|---|---|---|---|---|"
    rule = description.rule
    for member, weight, temperature in zip(description.members, rule.weights, rule.temperatures, strict=True):
        many = f" x {len(member.weights)}" if len(member.weights) > 1 else ""
        crop, size = ("x".join(map(str, each)) for each in (member.preprocessing.crop, member.preprocessing.size))
        name, network = _code(member.name), f"{member.config['model/arch']}{many}"
        yield f"| {name} | {network} | {weight:.3f} | {temperature:.2f} | {crop} | {size} |"
    if rule.class_weights is not None:
        yield from (
            "",
            "Each class's probability is multiplied by a weight of its own, which val chose (`model.json`).",
        )


def _data(description: Description) -> Iterator[str]:
    about = description.trained_on
    yield f"Store {about['store_hash']}."
    yield from ("", "| split | photos | people |", "|---|---|---|")
    for split in ("train", "val", "test"):
        if count := about["counts"]["splits"].get(split):
            yield f"| {split} | {count['photos']} | {count['people']} |"
    yield from (
        "",
        f"Versions: {', '.join(f'{package} {number}' for package, number in description.versions.items())}.",
    )


def _count(them: Sequence[Any], name: str) -> str:
    return counted(len(them), name)


def _code(text: object) -> str:
    return f"`{plain(text).replace('`', chr(39)).replace('|', '/')}`"
