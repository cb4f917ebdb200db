"""Options of programs that predict photos. It imports nothing that takes long: --help is not to wait."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from common.command_line import positive

CODING = (
    "The classes of the reference task, `ans` in submission.csv: mask*6 + gender*3 + age band, with mask worn 0, "
    "incorrect 1, none 2; gender male 0, female 1; age band <30 0, 30-59 1, >=60 2. Tasks of fewer factors count in "
    "the same order; predictions.csv names each factor."
)


def add_options(parser: ArgumentParser) -> None:
    """Add what every program that predicts photos asks, beside which photos and where predictions go."""
    parser.add_argument(
        "--images", metavar="DIR", type=Path, help="where the paths of a CSV of photos begin (default: beside the CSV)"
    )
    parser.add_argument(
        "--probabilities", metavar="FILE.parquet", type=Path, help="also write the probability of every class, by name"
    )
    parser.add_argument(
        "--fallback",
        metavar="CLASS",
        help="the class, by number or name, of photos that cannot be used (default: they are left out)",
    )
    parser.add_argument(
        "--workers", metavar="N", type=positive, help="processes that predict (default: one for each GPU, at least one)"
    )
    parser.add_argument(
        "--address",
        metavar="ADDR",
        help="of a Ray cluster that sees the photos and the models: auto, HOST:PORT; each of its GPUs predicts, or "
        "machines where it has none",
    )
    parser.epilog = CODING
