# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""A cursor for calls that only read, with as few words to the database as possible.

Odoo's cursor resets a connection before each use and wraps every call in a transaction
of its own: four further round trips for two short statements. Here a connection stays
in autocommit, every statement being a transaction, and in a session that refuses to
write. A short statement that comes again and again is prepared: planning it costs more
than running it.
"""

import collections
import contextlib
import logging

import psycopg2

from odoo import sql_db
from odoo.tools import SQL

_logger = logging.getLogger(__name__)

PREPARE_AFTER = 3  #: uses of a statement
PREPARED_MOST = 100  #: statements of one connection
#: characters; long lists are planned each time, for the plan depends on their length
PREPARED_LENGTH = 1000


class Connection:
    """A connection that only reads, and what it has prepared."""

    def __init__(self, dsn):
        self.raw = psycopg2.connect(connection_factory=sql_db.PsycoConnection, **dsn)
        self.raw.set_session(readonly=True, autocommit=True)
        self._uses = collections.Counter()
        self._names = {}  # text of a statement -> name; None: cannot be prepared

    def prepared(self, query):
        """``query``, or the call of a statement prepared for it.

        :param SQL query:
        :rtype: SQL
        """
        code, parameters = query.code, query.params
        if any(len(str(value)) > PREPARED_LENGTH for value in parameters):
            return query
        if code not in self._names:
            self._uses[code] += 1
            if self._uses[code] < PREPARE_AFTER or len(self._names) >= PREPARED_MOST:
                if len(self._uses) > PREPARED_MOST:
                    self._uses.clear()
                return query
            self._names[code] = self._prepare(code, len(parameters))
        if not (name := self._names[code]):
            return query
        if not parameters:
            return SQL(f"EXECUTE {name}")  # pylint: disable=sql-injection
        places = ", ".join(["%s"] * len(parameters))
        return SQL(f"EXECUTE {name} ({places})", *parameters)

    def _prepare(self, code, count):
        name = f"spar_{len(self._names)}"
        text = code % tuple(f"${number}" for number in range(1, count + 1))
        try:
            with self.raw.cursor() as cursor:
                cursor.execute(f"PREPARE {name} AS {text}")
        except psycopg2.ProgrammingError:
            return None  # a parameter stands where only a constant may
        return name


class ReadingCursor(sql_db.Cursor):
    """What an environment needs of a cursor, for reading.

    :param Reader reader: gets the connection back
    :param Connection connection: used by this cursor alone until then
    """

    def __init__(self, reader, connection):
        # not that of Cursor, which takes a connection of Odoo's pool and resets it
        sql_db.BaseCursor.__init__(self)
        self.sql_from_log, self.sql_into_log, self.sql_log_count = {}, {}, 0
        self.dbname = reader.dbname
        self._reader = reader
        self._connection = connection
        self._cnx = connection.raw
        self._obj = self._cnx.cursor()
        self._closed = False

    def execute(self, query, params=None, log_exceptions=True):
        if isinstance(query, SQL) and params is None:
            query = self._connection.prepared(query)
        return super().execute(query, params, log_exceptions)

    def close(self):
        if not self._closed:
            self._closed = True
            self._obj.close()
            self.clear()
            self._reader.give_back(self._connection)

    @property
    def readonly(self):
        return True


class Reader:
    """Connections of one process to one database, for reading.

    :param str dbname: the database
    :param bool replica: whether to take the server of ``db_replica_host``
    :param options: further ones of libpq
    """

    def __init__(self, dbname, replica=False, **options):
        self.dbname = dbname
        self.is_replica = replica
        self._dsn = sql_db.connection_info_for(dbname, readonly=replica)[1] | options
        self._idle = collections.deque()  # its append and pop are safe among threads

    def cursor(self):
        """A cursor, to be closed after use.

        :raise psycopg2.OperationalError: the database is out of reach
        """
        connection = None
        with contextlib.suppress(IndexError):
            connection = self._idle.pop()
        return ReadingCursor(self, connection or Connection(self._dsn))

    def give_back(self, connection):
        """Keep a connection for the next cursor, unless it has broken."""
        if connection.raw.closed:
            self.close()  # what broke one has probably broken the idle ones
        else:
            self._idle.append(connection)

    def close(self):
        """Close the connections that nobody uses."""
        with contextlib.suppress(IndexError):
            while True:
                self._idle.pop().raw.close()
