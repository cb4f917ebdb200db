"""A model that was taken away, and photos -> predictions; no search, no store and no Ray is needed.

python -m ensemble.predict model/ photos/
python -m ensemble.predict model.zip a.jpg b.jpg --out predictions.csv --probabilities all.parquet
"""

from __future__ import annotations

import sys
from pathlib import Path

from common.command_line import Parser, exit_code, positive
from ensemble.predictions.options import add_options


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    # Imported only now, since torch and pandas take seconds: neither --help nor a mistyped option should wait.
    from data_prep.prepare.new_photos import new_photos
    from ensemble.model.predicting import check_spares, predictor
    from ensemble.predictions.predicting import predict_photos
    from ensemble.predictions.sources import FilesSource
    from ensemble.predictions.tables import Outputs
    from ensemble.predictions.workforce import Workforce

    photos = new_photos(options.photos, options.images)  # an empty folder is refused before anything is loaded
    treatment, predicts = predictor(options.model, options.tta)
    outputs = Outputs.of(options.out, predicts.meaning, options.probabilities)
    check_spares(outputs, options.model, photos)
    fallback = None if options.fallback is None else predicts.meaning.class_of("--fallback", options.fallback)
    source, workforce = FilesSource(photos, treatment), Workforce(options.workers, options.address)
    predict_photos(predicts, source, outputs, fallback=fallback, workforce=workforce)
    return 0


def parser() -> Parser:
    result = Parser(
        prog="python -m ensemble.predict",
        description="Predict photos with a model that python -m ensemble.export wrote.",
    )
    result.add_argument("model", metavar="MODEL", type=Path, help="the model's folder, or its single file")
    result.add_argument(
        "photos",
        metavar="PHOTOS",
        type=Path,
        nargs="+",
        help="folders, photos, or CSVs with a column of paths (path, ImageID, file, ...)",
    )
    result.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        default=Path("predictions.csv"),
        help="the predictions (predictions.csv); the reference task's submission.csv is put beside them",
    )
    result.add_argument(
        "--tta", metavar="N", type=positive, help="views of each photo, the plain one first (default: the model's)"
    )
    add_options(result)
    return result


if __name__ == "__main__":
    sys.exit(exit_code(main))
