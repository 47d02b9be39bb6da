# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Look-ups on a streaming replica, when Odoo's options ``db_replica_host`` or
``db_replica_port`` name one.

Only the one statement that finds mappings goes there: who may call, and how IDs are
read, is always as on the primary. When the replica cannot be reached, gives up in the
middle of a statement, does not answer in time or lags too far behind, the same
statement runs on the primary, within the same call.

The lag is measured against positions of the primary's log: what the replica has
replayed was there at the time the primary stood at that position. So a quiet primary
means no lag, and a replica whose stream has stopped is found out.
"""

import collections
import logging
import threading
import time
from contextlib import nullcontext

import psycopg2

from odoo.tools import config

from . import parameters
from .api_server.reading import Reader
from .patience import Patience

_logger = logging.getLogger(__name__)

MAX_LAG = 5  # seconds; system parameter g2p_spar_mapper.replica_max_lag
EVERY = 1.0  # seconds between two measurements of one process
KEPT = 600  # measurements
#: a replica that does not answer must not hold a call up for long
PATIENCE = 5.0  # seconds for one statement
_TIMES = {"connect_timeout": 3, "tcp_user_timeout": 5000}
_patience = Patience(PATIENCE)

POSITION = "SELECT pg_current_wal_lsn() - '0/0'::pg_lsn"
REPLAYED = """
    SELECT CASE WHEN pg_is_in_recovery()
                THEN pg_last_wal_replay_lsn() - '0/0'::pg_lsn END
"""


def is_configured():
    """Whether the server's configuration names a replica."""
    return bool(config["db_replica_host"] or config["db_replica_port"])


class Replica:
    """What one process knows of the replica of one database."""

    def __init__(self, dbname):
        self.reader = Reader(dbname, replica=True, **_TIMES)
        self.primary = Reader(dbname)
        self.usable = False
        self._why = None  # what was said last
        self._positions = collections.deque(maxlen=KEPT)  # (time, primary's position)
        self._next = 0.0
        self._checking = threading.Lock()

    def fetch(self, query, max_lag):
        """Run a statement on the replica.

        :param SQL query: one that only reads
        :param int max_lag: seconds
        :return: its rows, or None when the primary has to be asked
        """
        if time.monotonic() >= self._next and self._checking.acquire(blocking=False):
            try:
                self._check(max_lag)
            finally:
                self._next = time.monotonic() + EVERY
                self._checking.release()
        if not self.usable:
            return None
        try:
            return _run(self.reader, query)
        except psycopg2.errors.OperationalError as exc:
            if exc.pgcode is None or exc.pgcode.startswith("57P"):
                self._say(f"cannot be reached ({type(exc).__name__})")
            return None  # else a conflict with what it replays: this time only
        except psycopg2.Error as exc:
            # it has not replayed the latest change of the tables, say
            self._say(f"cannot answer ({type(exc).__name__})")
            return None

    def _check(self, max_lag):
        """Measure, and say so when the state changes."""
        try:
            ((replayed,),) = _run(self.reader, REPLAYED)
        except psycopg2.Error as exc:
            self._say(f"cannot be reached ({type(exc).__name__})")
            return
        if replayed is None:
            self._say("is no replica but a primary")
            return
        lag = self._lag(replayed)
        if lag is None:
            self._say("lags by an unknown time")
        elif lag > max_lag:
            self._say(f"lags {lag:.0f} s", kind="lags")
        else:
            self._say(None)

    def _lag(self, replayed):
        """Seconds by which the replica is behind at most; None: not known yet."""
        now = time.monotonic()
        try:
            ((position,),) = _run(self.primary, POSITION)
            self._positions.append((now, position))
        except psycopg2.Error:
            # Nobody can write now: the replica gets no older than it was.
            _logger.debug("The primary does not tell its position")
            now = self._positions[-1][0] if self._positions else now
        reached = [at for at, position in self._positions if position <= replayed]
        return now - reached[-1] if reached else None

    def _say(self, why, kind=None):
        """Note whether the replica is used; warn once per change.

        :param str why: why not; None: it is used
        """
        self.usable = why is None
        kind = kind or why
        if kind == self._why:
            return
        if why:
            _logger.warning("The replica %s: reading from the primary", why)
        elif self._why:
            _logger.warning("The replica is back: reading from it")
        self._why = kind


def _run(reader, query):
    cr = reader.cursor()
    limit = _patience.waiting(cr.connection) if reader.is_replica else nullcontext()
    try:
        with limit:
            cr.execute(query, log_exceptions=False)
            return cr.fetchall()
    finally:
        cr.close()


_replicas = {}


def fetch(env, query):
    """Run a statement on the replica, if there is one and it is fit.

    :param SQL query: one that only reads
    :return: its rows, or None when the primary has to be asked
    """
    if not is_configured() or config["test_enable"]:
        return None
    dbname = env.cr.dbname
    if dbname not in _replicas:
        _replicas[dbname] = Replica(dbname)
    max_lag = parameters.number(env, "replica_max_lag", MAX_LAG)
    return _replicas[dbname].fetch(query, max_lag)
