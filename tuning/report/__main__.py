"""The report of a search, or of several side by side.

    python -m tuning.report runs/NAME                       writes runs/NAME/report.html
    python -m tuning.report runs/A s3://bucket/runs/B --out compared.html

It is one file, which opens offline in any browser. A search that runs still can be looked at so, too.
"""

from __future__ import annotations

import sys
from pathlib import Path

from common.addresses.uris import is_uri, location
from common.command_line import Parser, exit_code
from common.errors import OptionError
from common.security import terminal
from common.wording import counted


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    if options.out is None and (len(options.searches) > 1 or is_uri(options.searches[0])):
        raise OptionError(
            "--out: several searches, or one at an address, have no folder here; name a file, as in --out report.html"
        )
    from common.files import check_file
    from common.search_folder import SEARCH_REPORT
    from tuning.report import report
    from tuning.report.searched import Searched

    for search in filter(is_uri, options.searches):
        terminal.say(f"Fetching the curves of {search} ...")
    searches = [Searched.read(search) for search in options.searches]
    file = options.out or options.searches[0] / SEARCH_REPORT
    check_file("--out", file)
    terminal.say(f"Writing the report of {counted(sum(len(each.rows) for each in searches), 'trial')} ...")
    report.write(searches, file)
    terminal.say(f"The report, for a browser: {file}")
    return 0


def parser() -> Parser:
    result = Parser(
        prog="python -m tuning.report",
        description="Write the report of a search, or of several side by side, as one page that opens offline.",
    )
    result.add_argument(
        "searches", metavar="SEARCH", type=location, nargs="+", help="its folder, runs/NAME, or its address"
    )
    result.add_argument(
        "--out", metavar="FILE", type=Path, help="where to write it (default: report.html in the search)"
    )
    return result


if __name__ == "__main__":
    sys.exit(exit_code(main))
