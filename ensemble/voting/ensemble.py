"""Trained models that vote on photos: each member sees every view of a photo, and a rule joins their votes.

Views are made once for all members that see photos alike. Photos come in while those before are looked at, and nothing
of a photo stays but its probabilities.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from rich.progress import Progress
from torch import Tensor

from data_prep.labels import IntArray
from data_prep.store.store import Store
from ensemble.voting.cores import on_all_cores
from ensemble.voting.member import Member
from ensemble.voting.vote import Rule, soft_vote
from trainable.photos.batches import alike
from trainable.photos.feed import Streamed, ahead
from trainable.photos.preprocessing import Preprocessing
from trainable.photos.views import View, look, needed
from trainable.predict import Probabilities, in_parts

IMAGES = 128
"""What a network on a GPU sees at once, at most: a batch is as many photos as have so many views together."""

PIXELS = 400_000
"""What it sees at once on each core of a CPU, about: 8 images of 224x224, 86 of 68x68. With more its layers leave the
cache, which costs a tenth of the time, and with less products of matrices get too small."""

Votes = npt.NDArray[np.float32]
"""[members, views, photos, classes], softmax."""


@dataclass(frozen=True)
class Ensemble:
    """Its members vote on photos.

    Attributes:
        rule: how their votes are joined; its weights are in the members' order.
        views: of each photo, the plain one first.

    Raises:
        ValueError: members on several devices, or without a class in common.
    """

    members: tuple[Member, ...]
    rule: Rule
    views: tuple[View, ...]

    def __post_init__(self) -> None:
        for name in ("device", "classes"):
            if len(found := {getattr(member, name) for member in self.members}) > 1:
                raise ValueError(f"members: one {name} for all must hold, but got {sorted(map(str, found))}")

    @classmethod
    def alone(cls, member: Member, views: tuple[View, ...] = (View(),)) -> Ensemble:
        """Let one member decide."""
        return cls((member,), Rule.equal(1), views)

    def predict_rows(self, store: Store, rows: IntArray, progress: bool = True) -> Probabilities:
        """Let the members vote on photos of the store: float32 [n, classes]."""
        return self._together(self._joined(votes) for votes in self._of_store(store, rows, progress))

    def predict_photos(self, photos: npt.NDArray[np.uint8]) -> Probabilities:
        """Let the members vote on uint8 [n, H, W, 3] photos treated like the store's: float32 [n, classes]."""
        return self._together(self._joined(votes) for votes in self._of_photos(photos))

    def member_votes(self, store: Store, rows: IntArray) -> Votes:
        """Let the members vote on photos of the store, and join nothing."""
        nobody = np.zeros((len(self.members), len(self.views), 0, self.members[0].classes), dtype=np.float32)
        return np.concatenate([nobody, *self._of_store(store, rows, progress=True)], axis=2)

    def _together(self, parts: Iterable[Probabilities]) -> Probabilities:
        nobody = np.zeros((0, self.members[0].classes), dtype=np.float32)
        return np.concatenate([nobody, *parts])

    def _joined(self, votes: Votes) -> Probabilities:
        return soft_vote(list(votes.mean(axis=1)), self.rule)

    def _of_store(self, store: Store, rows: IntArray, progress: bool) -> Iterator[Votes]:
        sizes = [needed(self.views, member.preprocessing.crop) for member in self.members]
        around = max(height for height, _ in sizes), max(width for _, width in sizes)
        feed = Streamed(store, self._device)
        return self._votes(lambda parts: feed.batches([rows[part] for part in parts], around, 0.0), len(rows), progress)

    def _of_photos(self, photos: npt.NDArray[np.uint8]) -> Iterator[Votes]:
        bring = lambda parts: (torch.from_numpy(photos[part]) for part in parts)  # noqa: E731
        return self._votes(bring, len(photos), progress=False)  # they are a part of many

    def _votes(self, bring: Callable[[list[IntArray]], Iterable[Tensor]], n: int, progress: bool) -> Iterator[Votes]:
        """Let the members vote on n photos, some at a time; the last ones are fetched while the next are looked at.

        Args:
            bring: brings the photos at each batch of positions.
        """
        parts, left = alike(n, self._at_once()), n
        with (
            on_all_cores(self._seen) if self._device.type == "cpu" else nullcontext(self._seen) as seen,
            Progress(transient=True, disable=not (progress and sys.stdout.isatty())) as bar,
        ):
            task = bar.add_task("Predicting", total=n)
            for votes in ahead(_on_host, in_parts(seen, bring(parts), self._device)):
                done = min(left, votes.shape[2])  # the last batch is filled up
                yield votes[:, :, :done]
                bar.advance(task, done)
                left -= done

    def _at_once(self) -> int:
        """Say how many photos make a batch."""
        if self._device.type != "cpu":
            return max(1, IMAGES // len(self.views))
        largest = max(math.prod(member.preprocessing.size) for member in self.members)
        return torch.get_num_threads() * max(1, PIXELS // (largest * len(self.views)))

    @torch.inference_mode()
    def _seen(self, photos: Tensor) -> Tensor:
        """Let the members vote on uint8 [n, H, W, 3]: float32 [n, members, views, classes]."""
        photos = photos.to(self._device)
        images = {each: self._images(photos, each) for each in {member.preprocessing for member in self.members}}
        votes = [member.vote(images[member.preprocessing]) for member in self.members]
        return torch.stack(votes).unflatten(1, (len(self.views), len(photos))).permute(2, 0, 1, 3)

    def _images(self, photos: Tensor, preprocessing: Preprocessing) -> Tensor:
        """Make all views of the photos, one view after the other: float32 [views * n, 3, height, width]."""
        return torch.cat([look(photos, view, preprocessing, self._device) for view in self.views])

    @property
    def _device(self) -> torch.device:
        return self.members[0].device


def _on_host(votes: Tensor) -> Votes:
    """[n, members, views, classes] on the device -> [members, views, n, classes] here."""
    return votes.permute(1, 2, 0, 3).cpu().numpy()
