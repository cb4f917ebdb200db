"""Who predicts: this process, or several with a GPU or a share of the cores each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from common import ray_cluster
from ensemble.predictions.predictor import Predictor
from ensemble.predictions.sources import Answer, Source


@dataclass(frozen=True)
class Workforce:
    """It predicts parts.

    Attributes:
        workers: processes; None: one for each GPU of this machine, or of the cluster, or for each of its machines.
        cluster: address of a Ray cluster whose machines all see the photos and the models; None: this machine alone.
    """

    workers: int | None = None
    cluster: str | None = None

    def answers(
        self, predictor: Predictor, source: Source, parts: Sequence[slice], say: Callable[[str], None]
    ) -> Iterator[tuple[int, Answer]]:
        """Predict the source's photos at these positions; yields each part's number with its answer, as they are done.

        Raises:
            OptionError: no cluster is there. EnsembleError: workers die. Else as `Source.answers` raises.
        """
        workers = self.workers
        if self.cluster is None:
            workers = min(workers or torch.cuda.device_count(), len(parts) // (1 if workers else WORTH_A_WORKER))
            if workers < 2:
                yield from enumerate(source.answers(predictor.ensemble(), parts))
                return
        ray_cluster.use_token()
        from ensemble.predictions.spread import answers_there  # imports Ray

        yield from answers_there(predictor.to_travel(), source, parts, workers, self.cluster or "local", say)


THIS_PROCESS = Workforce(workers=1)

WORTH_A_WORKER = 8
"""Parts for which a process more is started unasked: it takes ten seconds to load torch and models."""
