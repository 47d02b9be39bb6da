# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""How often somebody may do something, counted by all workers of a host together.

A request must not write to the database for this, so the counts stand in a small file
in the server's data directory. Each cell holds one number: the time at which all that
was admitted so far will have been paid for at the rate allowed (the "theoretical
arrival time" of the generic cell rate algorithm, ITU-T I.371). A lock on the cell's
bytes makes the count exact over processes and threads.

A file that is missing, cut or damaged heals: what makes no sense counts as nothing.
Workers on several hosts count together if they share the data directory and its file
system has locks; else each host for itself.
"""

import fcntl
import hashlib
import logging
import math
import os
import struct
import threading
import time
from pathlib import Path

from odoo.tools import config

_logger = logging.getLogger(__name__)

MINUTE = 60.0
DAY = 24 * 60 * MINUTE  #: what one message can cost at most
#: at once as much may come as in this time; seconds
BURST = MINUTE
CELLS = 1 << 20  #: of kinds whose cells are not numbered by us
_CELL = struct.Struct("<d")


class Rates:
    """The counts of one kind of thing.

    :param Path path: the file
    """

    def __init__(self, path):
        self.path = path
        self._file = None
        self._lock = threading.Lock()

    def take(self, cell, cost, per_minute):
        """Ask to do something now.

        What costs more than a whole minute's worth is admitted when nothing is owed.

        :param int cell: who asks
        :param float cost: how much of it
        :param int per_minute: how much is allowed, on average
        :return: seconds to wait; 0.0: admitted, and counted
        :rtype: float
        """
        paid = min(cost * MINUTE / per_minute, DAY)
        try:
            with self._lock:
                return self._take(cell * _CELL.size, paid)
        except OSError as err:
            # a full disk must not close the registry
            _logger.error("Rates cannot be counted: %s", err.strerror)
            return 0.0

    def _take(self, offset, paid):
        file = self._open()
        fcntl.lockf(file, fcntl.LOCK_EX, _CELL.size, offset)
        try:
            now = time.time()
            due = self._read(file, offset, now)
            wait = due - now if paid > BURST else due + paid - BURST - now
            if wait > 0:
                return wait
            os.pwrite(file, _CELL.pack(due + paid), offset)
            return 0.0
        finally:
            fcntl.lockf(file, fcntl.LOCK_UN, _CELL.size, offset)

    @staticmethod
    def _read(file, offset, now):
        content = os.pread(file, _CELL.size, offset)
        if len(content) < _CELL.size:
            return now
        (due,) = _CELL.unpack(content)
        # nobody can owe more: the number was damaged, or the clock was set back
        if not math.isfinite(due) or due > now + DAY + BURST:
            return now
        return max(due, now)

    def _open(self):
        """The open file; a new one when somebody has deleted it."""
        if self._file is not None:
            if os.fstat(self._file).st_nlink:
                return self._file
            os.close(self._file)
            self._file = None
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return self._file


_opened = {}
_opened_lock = threading.Lock()


def rates(dbname, kind):
    """The counts of one kind of thing in one database.

    :param str kind: becomes part of a file's name
    :rtype: Rates
    """
    try:
        return _opened[dbname, kind]
    except KeyError:
        with _opened_lock:
            path = Path(config["data_dir"]) / "spar" / "rates" / f"{dbname}.{kind}"
            return _opened.setdefault((dbname, kind), Rates(path))


def cell_of(*parts):
    """A cell for somebody who has no number. Two may share one, rarely.

    :param str parts: who asks
    :rtype: int
    """
    name = hashlib.sha256("\x1f".join(parts).encode("utf-8", "replace")).digest()
    return int.from_bytes(name[:8]) % CELLS
