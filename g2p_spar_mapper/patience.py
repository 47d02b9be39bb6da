# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Gives up on a database server that does not answer.

libpq waits for an answer as long as the connection stands, and that stands as long as
the other machine takes packets, even if no process there gets on: its disk hangs, say.
A limit that PostgreSQL keeps to would be kept by the very server that hangs.
"""

import contextlib
import os
import socket
import threading
import time

import psycopg2

BEAT = 1.0  # seconds between two looks at who waits


class Patience:
    """Ends connections that wait for an answer for too long.

    :param float seconds: how long they may wait
    """

    def __init__(self, seconds):
        self.seconds = seconds
        self._waiting = {}  # connection -> since when
        self._lock = threading.Lock()
        self._pid = None  # of the process that the thread runs in

    @contextlib.contextmanager
    def waiting(self, connection):
        """Wait for answers to a connection inside of the block.

        :param psycopg2.extensions.connection connection:
        :raise psycopg2.OperationalError: none came in time
        """
        with self._lock:
            if self._pid != os.getpid():
                # what this process was forked with is waited for elsewhere
                self._waiting.clear()
                threading.Thread(target=self._run, daemon=True).start()
                self._pid = os.getpid()
            self._waiting[connection] = time.monotonic()
        try:
            yield
        finally:
            with self._lock:
                del self._waiting[connection]

    def _run(self):
        while True:
            time.sleep(BEAT)
            latest = time.monotonic() - self.seconds
            with self._lock:  # nobody closes these meanwhile
                for connection, since in self._waiting.items():
                    if since < latest:
                        _shut(connection)


def _shut(connection):
    """End a connection that another thread waits at."""
    with contextlib.suppress(OSError, psycopg2.Error):
        with socket.socket(fileno=os.dup(connection.fileno())) as shut:
            shut.shutdown(socket.SHUT_RDWR)
