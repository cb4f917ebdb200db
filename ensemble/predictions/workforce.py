"""Who predicts: this process, or several with a GPU or a share of the cores each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

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
        if self.cluster is None and min(self.workers or _gpus(), len(parts)) < 2:
            yield from enumerate(source.answers(predictor.ensemble(), parts))
            return
        ray_cluster.use_token()
        from ensemble.predictions.spread import answers_there  # imports Ray

        workers = self.workers if self.cluster else self.workers or _gpus()
        yield from answers_there(predictor.to_travel(), source, parts, workers, self.cluster or "local", say)


THIS_PROCESS = Workforce(workers=1)


def _gpus() -> int:
    import torch

    return torch.cuda.device_count()
