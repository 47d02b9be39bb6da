# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""What is asked of the two systems, and one run of it."""

import json
import secrets
import subprocess
from typing import NamedTuple

from .. import places
from ..console import Failure, step
from . import PROGRAMS
from .systems import FA, SENDER, SIGNED_SENDER, WIRE_ID

_RANDOM = secrets.SystemRandom()


class Cell(NamedTuple):
    """One line of the table."""

    operation: str
    size: int  #: items in a message
    clients: int

    def __str__(self):
        return f"{self.operation} {self.size} x {self.clients}"


class Run(NamedTuple):
    """What came of one run."""

    rate: float  #: items per second
    p50: float  #: milliseconds
    p95: float  #: milliseconds
    used: int  #: processes of the system that had a connection in the end
    done: int  #: items


CELLS = [
    Cell(operation, size, clients)
    for operation in ("resolve", "link", "update", "unlink")
    for size, clients in ((1, 1), (1, 4), (100, 4), (1000, 4))
]


#: which part of a round's rows the unlinking cell of that size gets; there are four
UNLINKED = {1: 1 / 8, 100: 3 / 8, 1000: 3 / 8}


class Numbers:
    """Which IDs a run is about; the same for both systems in one round.

    Rows ``0`` to ``rows / 2`` are looked up and updated, those above unlinked, and what
    lies above ``rows`` is linked.

    :param int rows: how many were filled in
    :param int rounds: how many there will be; what is unlinked has to do for all
    """

    def __init__(self, rows, rounds):
        self.rows = rows
        self.rounds = rounds
        self.half = rows // 2
        self.next_unlinked = self.half
        self.next_linked = rows

    def take(self, cell, count):
        """Lists of numbers for ``count`` messages."""
        wanted = count * cell.size
        if cell.operation == "link":
            start = self.next_linked
            self.next_linked += wanted
            numbers = range(start, start + wanted)
        elif cell.operation == "unlink":
            start = self.next_unlinked
            share = (self.rows - self.half) // self.rounds * UNLINKED[cell.size]
            wanted = min(wanted, int(share) // cell.size * cell.size)
            if not wanted:
                raise Failure("Too few rows for so many rounds: use --rows.")
            self.next_unlinked += wanted
            numbers = range(start, start + wanted)
        elif cell.operation == "update":
            wanted = min(wanted, self.half // cell.size * cell.size)
            numbers = _RANDOM.sample(range(self.half), wanted)
        else:
            numbers = [_RANDOM.randrange(self.half) for _number in range(wanted)]
        return [
            list(numbers[start : start + cell.size])
            for start in range(0, len(numbers), cell.size)
        ]


class Load:
    """Runs cells against systems.

    :param python: of the suite's environment
    :param Numbers numbers:
    :param float seconds: length of a run
    :param str key: private key that signs; none: requests are not signed
    """

    def __init__(self, python, numbers, seconds, key=""):
        self.python = python
        self.numbers = numbers
        self.seconds = seconds
        self.key = key
        self.file = places.STATE / "bench-bodies"

    def in_turn(self, cells, systems, rounds):
        """Run each cell against one system and then the others, in each round.

        What disturbs the machine disturbs all of them; the first is first in half of
        the rounds.

        :return: for each cell a list of runs for each system
        """
        runs = {cell: [[] for _system in systems] for cell in cells}
        for number in range(rounds):
            with step(f"Round {number + 1} of {rounds}"):
                for cell, found in runs.items():
                    self.prepare(cell)
                    pairs = list(zip(systems, found, strict=True))
                    for system, of_system in pairs[:: 1 if number % 2 else -1]:
                        of_system.append(self.run(cell, system))
        return runs

    def prepare(self, cell):
        """Write the requests of a round."""
        if cell.operation == "resolve":
            count = max(2 * cell.clients, 600 // cell.size)  # sent again and again
        else:
            # more than the faster one can do in the time
            most = {1: 1_500, 100: 40_000, 1000: 60_000}[cell.size]
            count = int(most * self.seconds / cell.size)
        job = {
            "operation": cell.operation,
            "sender_id": SIGNED_SENDER if self.key else SENDER,
            "numbers": self.numbers.take(cell, max(count, cell.clients)),
            "wire_id": WIRE_ID,
            "fa": FA,
            "shift": _RANDOM.randrange(1, 10**6),
            "key": self.key,
        }
        subprocess.run(
            [self.python, PROGRAMS / "bodies.py", self.file],
            input=json.dumps(job).encode(),
            check=True,
        )

    def run(self, cell, system):
        """Send the prepared requests to one system.

        :rtype: Run
        """
        job = {
            "host": "127.0.0.1",
            "port": system.port,
            "path": f"{system.root}/{cell.operation}",
            "clients": cell.clients,
            "seconds": self.seconds,
            "bodies": str(self.file),
            "repeat": cell.operation == "resolve",
            "workers": system.workers(),
        }
        answer = subprocess.run(
            [self.python, PROGRAMS / "load.py"],
            input=json.dumps(job),
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode:
            lines = answer.stderr.strip().splitlines() or ["no answer"]
            raise Failure(f"{system.name}, {cell}: {lines[-1]}")
        result = json.loads(answer.stdout)
        latencies = sorted(result["latencies"])
        if result["done"] < len(latencies) * cell.size:
            raise Failure(
                f"{system.name}, {cell}: only {result['done']} of "
                f"{len(latencies) * cell.size} items were done."
            )
        return Run(
            result["done"] / result["took"],
            latencies[len(latencies) // 2] * 1000,
            latencies[int(len(latencies) * 0.95)] * 1000,
            result["used"],
            result["done"],
        )
