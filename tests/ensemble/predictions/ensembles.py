"""Small real ensembles, which workers in other processes can load too."""

from __future__ import annotations

from functools import partial

import torch

from benchmarks.record_curves.small_resnet import small_resnet
from data_prep.store.store import Store
from ensemble.predictions.predictor import Meaning, Predictor
from ensemble.voting.ensemble import Ensemble
from ensemble.voting.member import Member
from ensemble.voting.tta import views
from ensemble.voting.vote import Rule
from trainable.config import Crop, TrialConfig
from trainable.photos.preprocessing import Preprocessing

CPU = torch.device("cpu")


def ensemble(store: Store, members: int = 2) -> Ensemble:
    how = Preprocessing.of(Crop(), store)
    networks = [small_resnet(store.task.classes, seed).eval() for seed in range(members)]
    those = [
        Member(f"trial-{number}", TrialConfig(), (net,), how, CPU, store.task.classes)
        for number, net in enumerate(networks)
    ]
    return Ensemble(tuple(those), Rule.equal(members), views(2))


def predictor(store: Store, key: str = "two small networks") -> Predictor:
    return Predictor(partial(ensemble, store), Meaning(store.task, store.bands), key)
