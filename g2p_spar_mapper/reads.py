# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Accounts for every look-up: who asked, for what, how many IDs, how many were found.

A look-up runs on a connection that cannot write, perhaps on a replica. So it only adds
an entry to a list in memory; a thread of the process writes the list to the primary
database about once a second. A process that ends writes what is left. While the
database is away entries are kept; when the list is full, look-ups wait and are put off
rather than answered without account.
"""

import atexit
import collections
import contextlib
import hashlib
import logging
import os
import threading
import time
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from multiprocessing import util
from typing import NamedTuple

import psycopg2

from odoo import sql_db
from odoo.tools import SQL, config

from odoo.addons.g2p_spar_bank_directory.exceptions import SparTransientError

from .outcomes import DETAILS, YES_NO

_logger = logging.getLogger(__name__)

BEAT = 1.0  # seconds between two writes
BATCH = 500  # entries that are written at once, and without waiting for the beat
MOST = 20_000  # entries in memory; some 10 MB
PATIENCE = 2.0  # seconds a look-up waits for room
PAUSE = 2.0  # seconds between attempts while the database is away
LAST_PATIENCE = 15.0  # seconds a process that ends tries to write what is left

# An id given beforehand makes a repetition harmless when a commit got lost on its way.
NEXT_IDS = "SELECT nextval('g2p_spar_read_id_seq') FROM generate_series(1, %s)"
WRITE = """
    INSERT INTO g2p_spar_read (
           id, at, channel, client_id, user_id, purpose, transaction, scope,
           id_count, found_count, digest)
    VALUES %s
        ON CONFLICT (id) DO NOTHING
"""


class Entry(NamedTuple):
    """One look-up, as the columns of ``g2p.spar.read``."""

    at: datetime  #: UTC, naive
    channel: str
    client_id: int | None
    user_id: int | None
    purpose: str | None
    transaction: str | None
    scope: str
    id_count: int
    found_count: int
    digest: str


def note(dbname, actor, items, keys, found):
    """Account for one look-up.

    :param str dbname: its database
    :param dict actor: channel, client_id, user_id, purpose, transaction
    :param list[ResolveItem] items: what was asked
    :param keys: keyed hashes of what was looked up; None where an item was unreadable
    :param int found: how many have a mapping
    :raise SparTransientError: too many entries wait for the database
    """
    digest = hashlib.sha256("\n".join(key for key in keys if key).encode()).digest()
    _log.add(
        dbname,
        Entry(
            datetime.now(UTC).replace(tzinfo=None),
            actor["channel"],
            actor["client_id"],
            actor["user_id"],
            actor["purpose"],
            actor["transaction"],
            DETAILS if any(item.scope == DETAILS for item in items) else YES_NO,
            len(items),
            found,
            urlsafe_b64encode(digest)[:-1].decode(),
        ),
    )


def flush(cr):
    """Write all entries of a database with a cursor; for tests."""
    _log.write_with(cr)


class ReadLog:
    """The entries of this process that are not in the database yet."""

    def __init__(self):
        self._entries = collections.deque()  # (database, entry); append is atomic
        self._pid = None  # of the process that the thread runs in
        self._starting = threading.Lock()
        self._writing = threading.Lock()
        self._full = threading.Event()
        self._room = threading.Condition()
        self._unwritten = None  # (database, ids, entries) of an attempt that failed
        self._ended = False

    def add(self, dbname, entry):
        """:raise SparTransientError: no room"""
        if self._pid != os.getpid() and not config["test_enable"]:
            self._start()
        if len(self._entries) >= MOST:
            self._full.set()
            with self._room:
                if not self._room.wait_for(self._has_room, PATIENCE):
                    raise SparTransientError("Look-ups cannot be accounted for now")
        self._entries.append((dbname, entry))
        if len(self._entries) >= BATCH:
            self._full.set()

    def _has_room(self):
        return len(self._entries) < MOST

    def _start(self):
        with self._starting:
            if self._pid == os.getpid():
                return
            threading.Thread(target=self._run, name="spar.reads", daemon=True).start()
            # Whichever comes first: granian's workers run only the one, Odoo's both.
            util.Finalize(None, self.finish, exitpriority=100)
            atexit.register(self.finish)
            self._pid = os.getpid()

    def forget(self):
        """In a new process: the entries are those of its parent."""
        self.__init__()

    def _run(self):
        while not self._ended:
            self._full.wait(BEAT)
            if not self._try_to_write():
                time.sleep(PAUSE)

    def _try_to_write(self):
        """Write what there is; whether that went well."""
        with self._writing:
            try:
                while self._entries or self._unwritten:
                    self._write_batch()
            except psycopg2.errors.UndefinedTable:
                _logger.error("Look-ups of %s: the addon is gone", self._unwritten[0])
                self._unwritten = None
            except (psycopg2.Error, sql_db.PoolError) as exc:
                _logger.warning(
                    "%s look-ups wait for the database (%s)",
                    len(self._entries) + len(self._unwritten[2]),
                    type(exc).__name__,
                )
                return False
            finally:
                self._full.clear()
                with self._room:
                    self._room.notify_all()
        return True

    def _write_batch(self):
        if not self._unwritten:
            self._unwritten = (self._entries[0][0], [], self._take())
        dbname, ids, entries = self._unwritten
        cr = sql_db.db_connect(dbname).cursor()
        with contextlib.closing(cr):
            if not ids:
                cr.execute(NEXT_IDS, [len(entries)])
                ids.extend(id_ for (id_,) in cr.fetchall())
            _insert(cr, ids, entries)
            cr.commit()  # pylint: disable=invalid-commit
        self._unwritten = None

    def _take(self):
        """Up to a batch of entries that follow each other, of one database."""
        dbname, entries = self._entries[0][0], []
        while self._entries and len(entries) < BATCH and self._entries[0][0] == dbname:
            entries.append(self._entries.popleft()[1])
        return entries

    def write_with(self, cr):
        """Write all entries of the cursor's database with it."""
        with self._writing:
            entries = [self._entries.popleft() for _left in range(len(self._entries))]
            mine = [entry for dbname, entry in entries if dbname == cr.dbname]
            self._entries.extend(entry for entry in entries if entry[0] != cr.dbname)
            if mine:
                cr.execute(NEXT_IDS, [len(mine)])
                _insert(cr, [id_ for (id_,) in cr.fetchall()], mine)

    def finish(self):
        """Write what is left before the process ends."""
        self._ended = True
        deadline = time.monotonic() + LAST_PATIENCE
        while not self._try_to_write():
            if time.monotonic() > deadline:
                _logger.error("%s look-ups are lost", self._count())
                return
            time.sleep(PAUSE / 4)

    def _count(self):
        return len(self._entries) + (len(self._unwritten[2]) if self._unwritten else 0)


def _insert(cr, ids, entries):
    rows = [SQL("%s", (id_, *entry)) for id_, entry in zip(ids, entries, strict=True)]
    cr.execute(SQL(WRITE, SQL(", ").join(rows)), log_exceptions=False)


_log = ReadLog()
os.register_at_fork(after_in_child=_log.forget)
