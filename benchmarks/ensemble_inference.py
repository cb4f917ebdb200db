"""How fast an ensemble predicts: against the conventional loop, which for each model and each view decodes every photo.

    python -m benchmarks.ensemble_inference --store data/sample-96x72 --photos 64
    python -m benchmarks.ensemble_inference --store data/sample-96x72 --arch resnet18 --photos 256 --views 10

The loop is written as good practitioners do: a Dataset of files decoded by PIL, torchvision's transforms on PIL images,
a DataLoader, inference_mode, autocast in the same type, in NCHW and in channels_last memory. Members, views and photos
are the same; its rotations and resizes round to whole grey levels, as PIL does. The members' weights are drawn, their
batch norms have seen the photos, and their heads are scaled until they are as sure of a class as trained ones.
"""

from __future__ import annotations

import argparse
import copy
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as TV

from benchmarks import measure, subject
from benchmarks.measure import Table
from benchmarks.trial_throughput.conventional import DECODED, JPEG, jpeg, write_jpegs
from common.command_line import Parser, exit_code, positive
from common.machine import cpu_cores
from data_prep.labels import IntArray
from data_prep.store.store import Store
from ensemble.voting.ensemble import Ensemble
from ensemble.voting.member import Member, network
from ensemble.voting.tta import views
from ensemble.voting.vote import Rule
from trainable import device
from trainable.config import TrialConfig
from trainable.device import autocast
from trainable.network import model
from trainable.photos.preprocessing import Preprocessing
from trainable.photos.views import View, look, needed
from trainable.predict import Probabilities

OURS = "ensemble"
SURE = 3.0
"""The standard deviation of a photo's logits."""
FORMATS = {"NCHW": torch.contiguous_format, "channels_last": torch.channels_last}


class Photos(Dataset[Tensor]):
    """What a model sees of each photo in one view."""

    def __init__(self, source: Sequence[Path] | np.ndarray, view: View, preprocessing: Preprocessing) -> None:
        """`source`: files, or decoded photos, uint8 [n, H, W, 3]."""
        self.source, self.view, self.preprocessing = source, view, preprocessing

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> Tensor:
        photo = self.source[index]
        if not isinstance(photo, Path):
            return see(Image.fromarray(photo), self.view, self.preprocessing)
        with Image.open(photo) as opened:
            return see(opened.convert("RGB"), self.view, self.preprocessing)


def see(photo: Image.Image, view: View, preprocessing: Preprocessing) -> Tensor:
    """A view as torchvision makes it of a PIL image: float32 [3, height, width]."""
    size, crop = preprocessing.size, preprocessing.crop
    if not view.is_centred:
        photo = _centred(photo, needed([view], crop), view.shift_of(crop))
    photo = TV.hflip(photo) if view.flip else photo
    photo = TV.rotate(photo, view.angle, InterpolationMode.BILINEAR) if view.angle else photo
    photo = _centred(photo, view.crop_of(crop))
    photo = TV.resize(photo, list(size)) if (photo.height, photo.width) != size else photo
    return TV.normalize(TV.to_tensor(photo), list(preprocessing.mean), list(preprocessing.std))


def _centred(photo: Image.Image, size: tuple[int, int], shift: tuple[int, int] = (0, 0)) -> Image.Image:
    """Crop about the centre, or off it; black beyond the photo."""
    top, left = (
        (side - part) // 2 + by for side, part, by in zip((photo.height, photo.width), size, shift, strict=True)
    )
    return photo.crop((left, top, left + size[1], top + size[0]))


class Conventional:
    """It predicts photos model by model, and view by view.

    Args:
        networks: torchvision's own, in evaluation mode.
        workers: processes of the DataLoader.
    """

    def __init__(self, networks: list[nn.Module], layout: torch.memory_format, place: torch.device, workers: int):
        self.networks = [each.to(place, memory_format=layout) for each in networks]  # type: ignore[call-overload]
        self.layout, self.device, self.workers = layout, place, workers

    @torch.inference_mode()
    def predict(
        self, source: Sequence[Path] | np.ndarray, seen: Sequence[View], preprocessing: Preprocessing, batch_size: int
    ) -> Probabilities:
        """Average the softmax over models and views: float32 [n, classes]."""
        votes = []
        for each in self.networks:
            for view in seen:
                photos, pinned = Photos(source, view, preprocessing), self.device.type == "cuda"
                loader = DataLoader(photos, batch_size, num_workers=self.workers, pin_memory=pinned)
                votes.append(torch.cat([self._softmax(each, images) for images in loader]))
        return torch.stack(votes).mean(dim=0).cpu().numpy()

    def _softmax(self, each: nn.Module, images: Tensor) -> Tensor:
        images = images.to(self.device, non_blocking=True, memory_format=self.layout)
        with autocast(self.device):
            logits: Tensor = each(images)
        return logits.float().softmax(dim=1)


def drawn(config: TrialConfig, photos: Tensor, preprocessing: Preprocessing, classes: int, seed: int) -> nn.Module:
    """A network on the CPU, in evaluation mode, that answers as variedly as a trained one."""
    made = model.build(config.model, classes, seed)
    images = look(photos, View(), preprocessing, torch.device("cpu"))
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the mean of what it sees
    with torch.no_grad():
        made.train()(images)
        *_, head = (module for module in made.modules() if isinstance(module, nn.Linear))
        logits = made.eval()(images)
        head.weight *= SURE / logits.std(dim=0).mean()
        head.bias -= made(images).mean(dim=0)
    return made


def both(
    options: argparse.Namespace, store: Store, rows: IntArray, place: torch.device
) -> tuple[Ensemble, dict[str, Conventional]]:
    """The ensemble, and the loop with the same members, in each layout and with each number of workers."""
    config = subject.config_for(store, options.arch)
    preprocessing = Preprocessing.of(config.crop, store)
    photos, classes = torch.from_numpy(store.read(rows[:64])), store.task.classes
    networks = [drawn(config, photos, preprocessing, classes, seed) for seed in range(options.members)]
    members = tuple(
        Member(str(seed), config, (network(config, each.state_dict(), classes, place),), preprocessing, place, classes)
        for seed, each in enumerate(networks)
    )
    loops = {
        f"{name}, {workers} workers": Conventional(copy.deepcopy(networks), layout, place, workers)
        for name, layout in FORMATS.items()
        for workers in options.workers
    }
    return Ensemble(members, Rule.equal(options.members), views(options.views)), loops


def compare(options: argparse.Namespace, store: Store, folder: Path) -> Table:
    """Time both in turn; `folder` is for JPEG files."""
    place = device.choose(options.device)
    rows = np.resize(np.sort(store.labelled("val")), options.photos)
    write_jpegs(store, np.unique(rows), folder)
    ours, loops = both(options, store, rows, place)
    preprocessing, decoded = ours.members[0].preprocessing, store.read(rows)
    found: dict[str, Probabilities] = {}
    per_cpu: dict[str, list[float]] = {}

    def keep(name: str, work: Callable[[], Probabilities]) -> float:
        before = _cpu_seconds()
        took, found[name] = measure.timed(work, place)
        per_cpu.setdefault(name, []).append(len(rows) / (_cpu_seconds() - before))
        return len(rows) / took

    work: dict[str, Callable[[], Probabilities]] = {OURS: partial(ours.predict_rows, store, rows)}
    for source in options.source:
        given = decoded if source == DECODED else [jpeg(folder, row) for row in rows]
        for name, loop in loops.items():
            work[f"{source}, {name}"] = partial(loop.predict, given, ours.views, preprocessing, options.batch_size)
    speeds = measure.alternate({name: partial(keep, name, each) for name, each in work.items()}, options.n)
    after_warm_up = {name: np.array(rates[1:]) for name, rates in per_cpu.items()}
    lines = [
        [
            name,
            *measure.spread(speed),
            *measure.ratio(speeds[OURS], speed),
            *measure.ratio(after_warm_up[OURS], after_warm_up[name]),
            float(abs(found[name] - found[OURS]).max()) if DECODED in name else None,
        ]
        for name, speed in speeds.items()
    ]
    answers, least_most = found[OURS], ("min", "max")
    return Table(
        f"An ensemble of {options.members} in {options.views} views against the conventional loop",
        {
            **measure.machine(place),
            "arch": options.arch,
            "crop": f"{preprocessing.crop} seen at {preprocessing.size}",
            "photos": len(rows),
            "batch": options.batch_size,
        },
        ["", "photos/s", *least_most, "times as fast", *least_most, "by CPU time", *least_most, "largest difference"],
        lines,
        f"Probabilities are {answers.min():.3f} to {answers.max():.3f}. JPEG files hold other pixels than the store.",
    )


def _cpu_seconds() -> float:
    """Of this process and of those that it has waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def parser() -> Parser:
    result = Parser(prog="python -m benchmarks.ensemble_inference", description=__doc__.splitlines()[0])
    result.add_argument("--store", type=Path, required=True, help="a dataset store")
    result.add_argument("--arch", default="resnet50")
    result.add_argument("--members", type=positive, default=4)
    result.add_argument("--views", type=positive, default=5)
    result.add_argument("--photos", type=positive, default=64)
    result.add_argument("--batch-size", type=positive, default=64, help="the loop's (default: 64)")
    result.add_argument("--workers", type=int, nargs="+", default=[0], help="the loop's DataLoader's (default: 0)")
    result.add_argument("--source", nargs="+", choices=[JPEG, DECODED], default=[JPEG, DECODED], help="(default: both)")
    result.add_argument("--threads", type=positive, default=cpu_cores(), help="torch's, of both (default: all cores)")
    result.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    result.add_argument("-n", type=positive, default=5, help="rounds (default: 5)")
    return result


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory(prefix="conventional-") as folder:
        print(compare(options, Store.open(options.store), Path(folder)).markdown(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
