"""What Ray starts in place of its worker's program: it has `forked_workers` fork one, and lives as long as that."""

import json
import os
import socket
import sys

ADDRESS = "MASKTUNE_TESTS_WORKERS"
"""The variable that holds the path of the socket to ask at, and that of Ray's program."""

LARGEST = 2**20
"""Bytes of what is asked: arguments and environment."""

if __name__ == "__main__":
    path, program = json.loads(os.environ.pop(ADDRESS))
    folder = os.getcwd()  # noqa: PTH109 - pathlib takes a hundredth of a second
    asked = {"folder": folder, "environment": dict(os.environ), "arguments": [program, *sys.argv[1:]]}
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(path)
        socket.send_fds(asking, [json.dumps(asked).encode()], [0, 1, 2])
        asking.recv(1)
