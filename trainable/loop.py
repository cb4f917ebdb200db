"""One trial: epochs of training, each followed by validation. Who listens is a callback's business."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor

from common.errors import CheckpointError, DivergedError
from data_prep.labels import IntArray
from data_prep.store.store import Store
from trainable import checkpoint, device, epoch
from trainable.best import Best, export_best
from trainable.config import FRAME, TrialConfig, check_frame
from trainable.device import amp_dtype, is_out_of_memory, make_room, no_search, seeded
from trainable.network import model, step
from trainable.network.ema import Ema
from trainable.photos import batches
from trainable.photos.preprocessing import Preprocessing
from trainable.predict import Probabilities, predict
from trainable.recipe import metrics, optimizer
from trainable.recipe.intervals import Score
from trainable.recipe.schedule import learning_rate
from trainable.workbench import Workbench

Metrics = dict[str, Any]


class Trial:
    """A trial trains one configuration on one store. Everything random is a pure function of (seed, epoch).

    Attributes:
        epoch: finished epochs.
        best: None before the first epoch has finished.
        store: with the trial's own fold as val, if it has one; with nobody in val, if it is a refit.
        preprocessing: of the store's photos, for the network.
        val_rows: int64, the store's rows that are validated on: all labelled ones of val, none for a refit.
        model: on the device, in channels_last memory.
        micro_batches: parts that a batch is trained in; more than 1 after the device's memory ran short.
    """

    def __init__(
        self, config: TrialConfig, store: Store, bench: Workbench, network: torch.nn.Module | None = None
    ) -> None:
        """`network`: to train in place of `config.model`'s, with first weights and an output a class.

        Raises ConfigError where config and store do not fit, OptionError where the store has fewer people than there
        are folds, WeightsError where the weights are not to be had."""
        self.config, self.store, self.device = config, batches.view(store, config.train), bench.device
        self.epoch = 0
        self.best: Best | None = None
        self.micro_batches = 1
        self.preprocessing = Preprocessing.of(config.crop, self.store)
        self._rows, self._classes = batches.training_set(config.labels, self.store)
        refit = config.train.refit
        self.val_rows, self._val_classes = batches.NOBODY if refit else batches.validation_set(self.store)
        self._feed, self._say = bench.feed(self.store), bench.say
        self.model = (
            model.place(network, self.device)
            if network
            else bench.network(config.model, config.train.seed, store.task.classes)
        )
        self._forward = bench.forward(self.model)
        self._optimizer = optimizer.build(config.optimizer, self.model)
        self._scaler = torch.GradScaler(self.device.type, enabled=amp_dtype(self.device) == torch.float16)
        self._ema = Ema(self.model, config.train.ema) if config.train.ema else None
        self._undo = step.Undo(self.model, self.device)

    def run_epoch(self) -> Metrics:
        """Train for an epoch, then validate.

        Returns:
            epoch (from 1), train_loss, train_focal, train_smoothing, train_soft_f1 (means over the photos),
            val_loss (cross-entropy), val_accuracy, val_f1, val_f1_best with its 95% interval (val_f1_low, val_f1_high)
            and best_epoch, of each factor of the store's task its own macro F1 (val_f1_mask, val_f1_gender,
            val_f1_age), lr (of the last step), train_photos, micro_batches, photos_per_s (while training), seconds (in
            all), and on a GPU gpu_memory_gb (the most that tensors took). Plain numbers. Of a refit nothing that
            begins with val_, since there is nobody left to validate on; its best epoch is the last.

        Raises:
            DivergedError: a loss was not finite.
        """
        started = perf_counter()
        device.forget_peak(self.device)
        metrics_of_training = self._train()
        trained = perf_counter()
        self.epoch += 1
        metrics_of_validation = self._validate()
        return {
            "epoch": self.epoch,
            **metrics_of_training,
            **metrics_of_validation,
            "photos_per_s": metrics_of_training["train_photos"] / (trained - started),
            "seconds": perf_counter() - started,
            **device.peak(self.device),
        }

    def _train(self) -> Metrics:
        drawn = epoch.Epoch.drawn(self.config, self._classes, self.epoch)
        parts = batches.slices(len(self._rows), self.config.train.batch_size, batches.SMALLEST)
        wanted = [self._rows[drawn.order[part]] for part in parts]
        # All labels of an epoch travel at once: a transfer a batch would make the host wait each time.
        classes = torch.from_numpy(self._classes[drawn.order]).to(self.device)
        photos = self._feed.batches(wanted, self.preprocessing.crop, self.config.augment.rotation)
        self.model.train()
        lr, found = [], []
        # Dropout and stochastic depth draw from torch's global generators.
        network = epoch.generator(self.config, self.epoch, epoch.NETWORK)
        with seeded(network.initial_seed(), self.device):
            for number, (part, batch) in enumerate(zip(parts, photos, strict=True)):
                lr.append(learning_rate(self.epoch + number / len(parts), self.config.schedule))
                # Kept on the device: reading a loss here would make the host wait at every step.
                found.append(self._step(batch, classes[part], drawn.change(part), lr[-1]))
        sizes = [len(rows) for rows in wanted]
        trained = {"train_photos": sum(sizes), "micro_batches": self.micro_batches, "lr": lr[-1]}
        return {**self._mean_losses(found, sizes, lr), **trained}

    def _step(self, photos: Tensor, classes: Tensor, change: epoch.Change, lr: float) -> Tensor:
        """Update the weights once. Returns total, focal, smoothing and soft F1 loss, float32 [4] on the device."""
        for group in self._optimizer.param_groups:
            group["lr"] = lr
        with no_search(len(photos) < self.config.train.batch_size):
            found = self._attempts(photos, classes, change)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        if self._ema:
            self._ema.update()
        return found

    def _attempts(self, photos: Tensor, classes: Tensor, change: epoch.Change) -> Tensor:
        """Compute gradients, in as many micro-batches as the device has the memory for."""
        self._undo.remember()
        while True:
            self._optimizer.zero_grad(set_to_none=True)
            try:
                return self._gradients(*self._seen(photos, classes, change))
            except RuntimeError as error:
                if not is_out_of_memory(error) or not self._split():
                    raise
                make_room(error, self.device)
            self._undo.restore()

    def _seen(self, photos: Tensor, classes: Tensor, change: epoch.Change) -> tuple[Tensor, Tensor]:
        """Make of photos and classes what the network sees, and its target."""
        return change.apply(photos, classes, self.preprocessing, self.store.task.classes)

    def _gradients(self, images: Tensor, target: Tensor) -> Tensor:
        if self.micro_batches == 1:
            return step.gradients(self._forward, images, target, self.config.loss, self._scaler)
        photos = math.ceil(self.config.train.batch_size / self.micro_batches)
        return step.gradients_in_parts(self.model, images, target, self.config.loss, self._scaler, photos)

    def _split(self) -> bool:
        """Train in half as large micro-batches from now on; False where they cannot be smaller."""
        if self.config.train.batch_size // (2 * self.micro_batches) < step.SMALLEST:
            return False
        self.micro_batches *= 2
        self._say(
            f"out of memory on {self.device}: from epoch {self.epoch + 1} on a batch of {self.config.train.batch_size} "
            f"is trained in {self.micro_batches} micro-batches, the effective batch stays"
        )
        return True

    def _mean_losses(self, found: list[Tensor], sizes: list[int], lr: list[float]) -> Metrics:
        names = ("train_loss", "train_focal", "train_smoothing", "train_soft_f1")
        values = torch.stack(found).cpu().double().numpy()
        for number, (row, rate) in enumerate(zip(values, lr, strict=True), start=1):
            when = f"epoch {self.epoch + 1}, step {number} of {len(values)} (lr {rate:.3g})"
            for name, value in zip(names, row, strict=True):
                _check_finite(name, value, when)
        means = np.average(values, axis=0, weights=sizes)
        return dict(zip(names, means.tolist(), strict=True))

    def _validate(self) -> Metrics:
        with self._ema.applied() if self._ema else nullcontext():
            if self.config.train.refit:
                return self._keep_last()
            return self._judge(predict(self.model, self._feed, self.val_rows, self.preprocessing))

    def _keep_last(self) -> Metrics:
        """Keep the weights in use: val was trained on, so that no epoch can be told from another."""
        unseen = np.zeros((0, self.store.task.classes), np.float32)
        self.best = self._best(self.epoch, math.nan, unseen, self.model.state_dict())
        return {"best_epoch": self.epoch}

    def _judge(self, predictions: Probabilities) -> Metrics:
        """Score the predictions; where they are the best so far they are kept, with the weights in use."""
        truth, guess = self._val_classes, predictions.argmax(axis=1)
        right = predictions[np.arange(len(truth)), truth]
        # A softmax that rounded to zero counts as the smallest float32 there is, not as an infinite loss.
        val_loss = -np.log(np.maximum(right, np.finfo(np.float32).tiny), dtype=np.float64).mean()
        _check_finite("val_loss", val_loss, f"epoch {self.epoch}, after its last step")
        val_f1 = metrics.macro_f1(truth, guess)
        if self.best is None or val_f1 > self.best.val_f1:
            self.best = self._best(self.epoch, val_f1, predictions, self.model.state_dict())
        return {
            "val_loss": float(val_loss),
            "val_accuracy": float((guess == truth).mean()),
            "val_f1": val_f1,
            **self._f1_by_factor(truth, guess),
            **self.best.scores,
        }

    def _best(self, epoch: int, val_f1: float, predictions: Probabilities, weights: Mapping[str, Tensor]) -> Best:
        if self.config.train.refit:
            return Best(epoch, val_f1, predictions, _on_cpu(weights))
        found = Score.of(
            self._val_classes, predictions.argmax(axis=1), self.store.person[self.val_rows], self.store.task
        )
        return Best(epoch, val_f1, predictions, _on_cpu(weights), found.low, found.high)

    def _f1_by_factor(self, truth: IntArray, guess: IntArray) -> Metrics:
        actual, guessed = self.store.task.split(truth), self.store.task.split(guess)
        return {f"val_f1_{factor}": metrics.macro_f1(actual[factor], guessed[factor]) for factor in actual}

    def export_best(self, folder: Path) -> None:
        """Write the best epoch so far as files for others to use (`best.export_best`).

        Raises:
            ValueError: no epoch has finished.
        """
        if self.best is None:
            raise ValueError("a trial has no best epoch before its first has finished")
        export_best(self.best, self.config, self.val_rows, self.store.hash, folder)

    def state_dict(self) -> dict[str, Any]:
        """This is all that a resumed trial needs, in tensors and plain Python values. The tensors are the live ones:
        save them, or copy them, before the next epoch."""
        return {
            "config": self.config.to_flat(),
            "store_hash": self.store.hash,
            "crop_frame": FRAME,
            "epoch": self.epoch,
            "model": self.model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "scaler": self._scaler.state_dict(),
            "ema": self._ema and self._ema.state_dict(),
            "micro_batches": self.micro_batches,
            "best": None if self.best is None else self._best_state(self.best),
        }

    def _best_state(self, best: Best) -> dict[str, Any]:
        # The same tensors twice are written once: a checkpoint after a new best is a third smaller.
        is_current = best.epoch == self.epoch and self._ema is None
        return {
            "epoch": best.epoch,
            "val_f1": best.val_f1,
            "predictions": torch.from_numpy(best.predictions),
            "weights": self.model.state_dict() if is_current else best.weights,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict()`; nothing of `state` is kept or changed.

        Raises:
            CheckpointError: it is of another configuration (`train/epochs` may differ) or of another store.
        """
        self._check_same_trial(state)
        self.epoch = state["epoch"]
        self.model.load_state_dict(state["model"])
        # The optimizer would keep the given tensors as its own and write into them.
        self._optimizer.load_state_dict(copy.deepcopy(state["optimizer"]))
        # Trials in bfloat16 and on CPUs have none; one in float16 that goes on from theirs begins with a new one.
        if state["scaler"] and self._scaler.is_enabled():
            self._scaler.load_state_dict(state["scaler"])
        if self._ema:
            self._ema.load_state_dict(state["ema"])
        # What the version that wrote it did not know was as it is by default.
        self.micro_batches = state.get("micro_batches", 1)
        best = state["best"]
        self.best = best and self._best(
            best["epoch"], best["val_f1"], best["predictions"].numpy().copy(), best["weights"]
        )

    def _check_same_trial(self, state: Mapping[str, Any]) -> None:
        check_frame(state, self.store.source_size, "this checkpoint")
        # What the version that wrote it could not set was as the recipe has it.
        theirs = {**TrialConfig().to_flat(), **state["config"], "store_hash": state["store_hash"]}
        ours = {**self.config.to_flat(), "store_hash": self.store.hash}
        for key in sorted(theirs.keys() | ours.keys()):
            if key != "train/epochs" and theirs.get(key) != ours.get(key):
                raise CheckpointError(
                    f"checkpoint of another trial: its {key} is {theirs.get(key)!r}, this trial's {ours.get(key)!r}"
                )


def train(trial: Trial, report: Callable[[Metrics], None], folder: Path | None = None) -> None:
    """Restore or start; for each epoch left: train, evaluate, save, report.

    Args:
        report: called with the metrics of each epoch once they are safe on disk.
        folder: where the checkpoint lies and the best epoch is exported to; None keeps nothing.
    """
    if folder is not None and checkpoint.exists(folder):
        trial.load_state_dict(checkpoint.load(folder))
    while trial.epoch < trial.config.train.epochs:
        found = trial.run_epoch()
        if folder is not None:
            checkpoint.save(trial.state_dict(), folder)
            if found["best_epoch"] == found["epoch"]:
                trial.export_best(folder)
        report(found)


def _on_cpu(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().to("cpu", copy=True) for name, value in weights.items()}


def _check_finite(name: str, value: float, when: str) -> None:
    if not math.isfinite(value):
        raise DivergedError(f"{name} became {value} in {when}: try a lower schedule/max_lr")
