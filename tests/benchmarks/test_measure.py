from __future__ import annotations

import torch

from benchmarks import measure
from benchmarks.measure import Table

CPU = torch.device("cpu")


def test_ratios_are_taken_round_by_round() -> None:
    assert measure.ratio([10, 20, 90], [10, 10, 30]) == (2, 1, 3)


def test_programs_run_in_turn_and_the_first_round_only_warms_up() -> None:
    calls: list[str] = []

    def program(name: str) -> int:
        calls.append(name)
        return 100

    speeds = measure.in_turn({"a": lambda: program("a"), "b": lambda: program("b")}, 3, CPU)
    assert "".join(calls) == "ba" + "ab" + "ba" + "ab"
    assert {name: len(values) for name, values in speeds.items()} == {"a": 3, "b": 3}


def test_a_table_names_what_it_was_measured_on() -> None:
    table = Table("Speed", {"CPU": "a CPU", "batch": 16}, ["", "median"], [["trial", 1234.5], ["other", 0.98765]])
    assert table.markdown().splitlines()[2:] == [
        "a CPU, batch 16",
        "",
        "|  | median |",
        "| --- | ---: |",
        "| trial | 1234 |",
        "| other | 0.988 |",
    ]
