"""Draws what TensorBoard shows once a trial: its first batch as its network sees it, and its best epoch's mistakes.

All of it is made here, of the store and of what the trial leaves in its folder: workers send no pictures, and no photo
is copied but into these.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property, partial
from typing import Any

from ray.tune.experiment import Trial
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.plugins.image.metadata import create_summary_metadata

from common.search_folder import VAL_PREDICTIONS, read_val_predictions
from common.security import terminal
from data_prep import node_copy
from data_prep.store.store import Store
from trainable.config import TrialConfig
from trainable.epoch import first_batch
from trainable.recipe.mistakes import confusion, surest_mistakes
from trainable.worker.durable import SHARED
from trainable.worker.ray_trainable import flat
from tuning.callbacks.tensorboard import drawing
from tuning.callbacks.tensorboard.drawing import Picture
from tuning.plan.plan import Plan
from tuning.storage.home import Home

MOST = 16
"""Photos of a picture."""

FIRST_BATCH, CONFUSION, MISTAKES = "pictures/first_batch", "pictures/confusion", "pictures/mistakes"
ABOUT = {
    FIRST_BATCH: "photos of the first batch that the trial trains on, augmented and mixed as its network sees them",
    CONFUSION: "val at the best epoch: photos of each true class (rows) that were taken for each class (columns)",
    MISTAKES: "val at the best epoch: the wrong answers that the trial was surest of, one a person",
}
"""The tags, and what each is, for the (i) beside it."""

Drawn = Future[list[Summary]]


class Pictures:
    """Draws one picture after the other in a thread, so that no trial waits for them; never raises an error there.

    Without `plan.pictures` no photo is shown: of what is drawn, the confusion matrix is left.
    """

    def __init__(self, plan: Plan, store_hash: str, home: Home) -> None:
        self._plan, self._store_hash, self._home = plan, store_hash, home
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="pictures")
        self._has_said = False

    def first_batch(self, trial: Trial) -> Drawn:
        """Draw the first batch of a trial that begins."""
        return self._pool.submit(self._quietly, partial(self._first_batch, str(trial), dict(trial.config)))

    def best(self, trial: Trial) -> Drawn:
        """Draw the confusion matrix and the worst mistakes of an ended trial's best epoch, if it has one."""
        epoch = (trial.last_result or {}).get("best_epoch")
        return self._pool.submit(self._quietly, partial(self._best, str(trial), epoch))

    def close(self) -> None:
        """Wait for what is being drawn."""
        self._pool.shutdown()

    @cached_property
    def _store(self) -> Store:
        """The store, which is here: the search would not have begun without."""
        return node_copy.open_store(self._plan.store, self._store_hash)

    def _quietly(self, draw: Callable[[], list[Summary]]) -> list[Summary]:
        """A search does not end for want of a picture; that one is missing is said once."""
        try:
            return draw()
        except Exception as error:
            if not self._has_said:
                why = terminal.plain(error) or type(error).__name__
                terminal.say(f"Note: TensorBoard lacks a picture, which cannot be drawn: {why}. The search goes on.")
            self._has_said = True
            return []

    def _first_batch(self, trial: str, config: dict[str, Any]) -> list[Summary]:
        if not self._plan.pictures:
            return []
        settings = TrialConfig.from_flat({**config[SHARED]["settings"], **flat(config)})
        photos = first_batch(settings, self._store, MOST)
        height, width = photos.shape[1:3]
        return [_summary(FIRST_BATCH, drawing.grid(list(photos), f"{trial}, first batch, seen at {width}x{height}"))]

    def _best(self, trial: str, epoch: int | None) -> list[Summary]:
        with self._home.reading(f"{trial}/{VAL_PREDICTIONS}") as file:
            if not file.exists():  # no epoch has ended; or it is a refit, which predicts for nobody
                return []
            store = self._store
            said = read_val_predictions(file, store.task.classes)
        if said.store_hash != store.hash:
            return []
        truth, guess = store.classes()[said.rows], said.probabilities.argmax(axis=1)
        names = [store.task.class_name(each, store.bands) for each in range(store.task.classes)]
        which = f"{trial}, val at epoch {epoch}"
        counts = confusion(truth, guess, len(names))
        title = f"{which}, F1 {said.val_f1:.3f}: rows are true, columns said"
        found = [_summary(CONFUSION, drawing.matrix(counts, names, title))]
        sure = said.probabilities.max(axis=1)
        worst = surest_mistakes(truth, guess, sure, store.person[said.rows], MOST)
        if not self._plan.pictures or len(worst) == 0:
            return found
        captions = [[f"is {names[truth[at]]}", f"said {names[guess[at]]}, {sure[at]:.2f}"] for at in worst]
        photos = store.read(said.rows[worst])
        return [*found, _summary(MISTAKES, drawing.grid(list(photos), f"{which}: surest mistakes", captions))]


def _summary(tag: str, picture: Picture) -> Summary:
    """Make what TensorFlow's own `tf.summary.image` writes, which torch's lacks: with a description."""
    parts = [str(picture.width).encode(), str(picture.height).encode(), picture.data]
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=len(parts))])
    tensor = TensorProto(dtype=DT_STRING, string_val=parts, tensor_shape=shape)
    about = create_summary_metadata(display_name=None, description=ABOUT[tag])
    return Summary(value=[Summary.Value(tag=tag, metadata=about, tensor=tensor)])
