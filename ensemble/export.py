"""The ensemble that was chosen -> a model to take away, which needs neither the search nor its photos.

    python -m ensemble.export --out model/                        of the newest search under runs/
    python -m ensemble.export --search runs/NAME --single-file model.zip --onnx
    python -m ensemble.predict model/ photos/                     anywhere

What was chosen, and what is known of it, is in the search's ensemble.json, which `python -m
ensemble.select_and_predict` writes; test is not opened here.
"""

from __future__ import annotations

import sys
from pathlib import Path

from common.addresses.uris import is_uri, location
from common.command_line import Parser, exit_code, python
from common.security import terminal
from common.wording import counted


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    # Imported only now, since torch and pandas take seconds: neither --help nor a mistyped option should wait.
    from ensemble import search_folder
    from ensemble.model.leaving import leaving
    from ensemble.model.onnx_file import require_onnx
    from ensemble.model.write import check_free, write_folder, write_single_file

    packed = options.single_file is not None
    option, out = ("--single-file", options.single_file) if packed else ("--out", options.out)
    check_free(option, out)
    if options.onnx:
        require_onnx()
    runs = options.runs
    where = options.search or (search_folder.newest_at(runs) if is_uri(runs) else search_folder.newest(runs))
    chosen = leaving(search_folder.local(where), options.data, options.refit)
    description = (write_single_file if packed else write_folder)(chosen, out, options.onnx)
    terminal.say(f"{out}: {', '.join(member.name for member in description.members)} of {where}")
    for member in description.members:
        if member.onnx:
            terminal.say(
                f"{member.onnx['file']}: at most {member.onnx['largest_difference']:.2g} from PyTorch, on "
                f"{counted(member.onnx['photos'], 'photo')} of val"
            )
    terminal.say(f"\nIt predicts anywhere: {python()} -m ensemble.predict {out} PHOTOS")
    return 0


def parser() -> Parser:
    result = Parser(
        prog="python -m ensemble.export",
        description="Write the ensemble that was chosen from a search to a folder or file of its own.",
    )
    result.add_argument(
        "--search", metavar="DIR", type=location, help="a search folder, or address (default: the newest under --runs)"
    )
    result.add_argument("--runs", metavar="DIR", type=location, default=Path("runs"), help="where searches are kept")
    result.add_argument("--data", metavar="STORE", help="where the search's store is now, if it has moved")
    result.add_argument(
        "--refit", action="store_true", help="the members' refits in their place (tune_main.py --resume DIR --refit)"
    )
    where = result.add_mutually_exclusive_group(required=True)
    where.add_argument("--out", metavar="DIR", type=Path, help="a new folder for the model")
    where.add_argument("--single-file", metavar="FILE.zip", type=Path, help="a new file, to hand on, that holds it all")
    result.add_argument(
        "--onnx", action="store_true", help="each member as ONNX too, checked against PyTorch on photos of val"
    )
    return result


if __name__ == "__main__":
    sys.exit(exit_code(main))
