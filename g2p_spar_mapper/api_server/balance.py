# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Has callers of a busy worker process connect again when another one is idle.

All workers listen on one socket. Whoever is quickest takes a new connection, now and
then one of them takes all, and callers keep their connections open: one processor
works, the others wait. So a worker that has answered a long call while others of its
calls wait for the same interpreter ends that connection if another worker has nothing
to do. The caller's next call opens a new one, as HTTP foresees (RFC 9112 section 9.6).
"""

import mmap
import struct
import threading
import time

LONG = 0.02  #: seconds of a call; a new connection costs less than a hundredth of them
IDLE = 0.02  #: seconds without a call after which a worker counts as idle
_SINCE = struct.Struct("@d")


class Balance:
    """What the workers know of each other, in memory that they share.

    :param int workers: their number; make it before they are forked
    """

    def __init__(self, workers):
        self._shared = mmap.mmap(-1, workers * _SINCE.size)
        self._places = range(0, workers * _SINCE.size, _SINCE.size)
        self._mine = None
        self._count = 0  # calls in progress
        self._lock = threading.Lock()

    def join(self, number):
        """Take part as the worker of that number, from 0."""
        self._mine = self._places[number]
        self._note_since(time.monotonic())

    def _note_since(self, moment):
        """:param float moment: since when this worker is idle; 0.0: it is busy"""
        if self._mine is not None:
            _SINCE.pack_into(self._shared, self._mine, moment)

    def begin(self):
        """A call begins.

        :return: when, for :meth:`end`
        """
        with self._lock:
            self._count += 1
            if self._count == 1:
                self._note_since(0.0)
        return time.monotonic()

    def end(self, began):
        """A call is done.

        :return: whether its connection should end
        """
        now = time.monotonic()
        with self._lock:
            self._count -= 1
            if not self._count:
                self._note_since(now)
                return False
        return now - began >= LONG and self._is_any_idle(now)

    def _is_any_idle(self, now):
        since = (_SINCE.unpack_from(self._shared, place)[0] for place in self._places)
        return any(moment and now - moment >= IDLE for moment in since)
