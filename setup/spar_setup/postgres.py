# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""PostgreSQL: a private server of this checkout, or the one PGHOST names.

The private server listens on a free port of the loopback network and asks for a
password that nobody has to know; the system's own server is never touched. Tests that
stop and start a server have a private one of their own.
"""

import contextlib
import fcntl
import functools
import hashlib
import json
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path

from . import debian, places
from .console import Failure, run, say, step

SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 300
# statements and rows hold IDs and account numbers
log_min_error_statement = panic
log_error_verbosity = terse
"""

#: most memory that a private server keeps pages in; bytes
_MOST_BUFFERS = 4 << 30

#: The private server that is used unless another is asked for.
MAIN = "postgres"


class PostgresServer:
    """A server and the role Odoo connects as."""

    #: Whether all its databases are ours.
    private = False

    #: File descriptor that a process inherits for as long as it uses the server.
    use = None

    def __init__(self, host, port, user, password):
        self.host = host
        self.port = port
        self.user = user
        self.password = password

    @property
    def suffix(self):
        """Keeps the folders of databases on different servers apart."""
        return f"@{self.host.replace('/', '_')}_{self.port}"

    def environment(self):
        """What libpq's programs need to connect."""
        known = {"PGHOST": self.host, "PGPORT": self.port, "PGUSER": self.user}
        if self.password:
            known["PGPASSWORD"] = self.password
        return {**os.environ, **{key: str(value) for key, value in known.items()}}

    def query(self, sql, database="postgres"):
        """Run SQL and return its rows as lists of strings.

        :raise Failure: the server is out of reach, or refuses
        """
        command = ["psql", "-X", "-q", "-A", "-t", "-F", "\t"]
        command += ["-v", "ON_ERROR_STOP=1", "-d", database, "-c", sql]
        answer = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            env={**self.environment(), "PGCONNECT_TIMEOUT": "10"},
        )
        if answer.returncode:
            reason = (answer.stderr.strip().splitlines() or ["no answer"])[0]
            reason = reason.removeprefix("psql: error: ").rstrip(".")
            raise Failure(f"PostgreSQL at {self.host}:{self.port} says: {reason}.")
        return [line.split("\t") for line in answer.stdout.splitlines()]

    def databases(self):
        """Names of the databases there are."""
        return {row[0] for row in self.query("SELECT datname FROM pg_database")}

    def drop(self, database):
        """Drop a database, if it exists, with those of our role that are connected.

        ``WITH (FORCE)`` would refuse whenever autovacuum is at work there, which a role
        without rights may not end; a plain ``DROP DATABASE`` ends it by itself.
        """
        self.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE datname = '{database}' AND usename = current_user"
        )
        self.query(f'DROP DATABASE IF EXISTS "{database}"')

    def copy(self, source, target):
        """Make a database as a copy of another that nobody is connected to."""
        self.query(f'CREATE DATABASE "{target}" TEMPLATE "{source}"')

    def check_rights(self):
        """Refuse a role that Odoo could not work with."""
        if self.user == "postgres":
            raise Failure(
                "Odoo refuses the database user 'postgres'; set PGUSER to another "
                "role that may create databases."
            )
        able = self.query(
            "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
        )
        if able != [["t"]]:
            raise Failure(
                f"The database user {self.user} may not create databases; "
                f"give it CREATEDB or set PGUSER to another."
            )


class PrivateServer(PostgresServer):
    """A server of this checkout; runs as long as somebody uses it.

    :param str name: of its folder
    """

    private = True

    def __init__(self, name=MAIN):
        self.name = name
        self.owner = _server_user()
        self.programs = debian.server_programs()
        super().__init__("127.0.0.1", 0, "spar", "")

    @property
    def suffix(self):
        """Keeps the folders of databases on different servers apart."""
        return "" if self.name == MAIN else f"@{self.name}"

    @property
    def _secrets(self):
        return self.folder.with_name(f"{self.name}.json")

    @property
    def _users(self):
        """Who uses the server holds a lock on this file."""
        return places.STATE / f"{self.name}.users"

    @functools.cached_property
    def folder(self):
        """The folder with its data."""
        return _folder(self.owner, self.name)

    def ensure_running(self):
        """Make the server if need be, start it if it is not up, note its port.

        Call it with the lock of the server held.
        """
        self.hold()
        if not self.folder.exists():
            self._initialise()
        if not self._is_running():
            self._start(places.free_port())
        self.port = int(self._pid_file().read_text().splitlines()[3])
        admin = self.administrator()
        self.password = self._words()["role"]
        if not admin.query(f"SELECT 1 FROM pg_roles WHERE rolname = '{self.user}'"):
            admin.query(
                f"CREATE ROLE {self.user} LOGIN CREATEDB PASSWORD '{self.password}'"
            )

    def _words(self):
        return json.loads(self._secrets.read_text())

    def administrator(self):
        """The same server for its superuser."""
        return PostgresServer(self.host, self.port, "postgres", self._words()["admin"])

    def release(self):
        """Stop using the server; the last user stops it.

        Call it with the lock of the server held.
        """
        if self.use is None:
            return
        os.close(self.use)
        self.use = None
        with self._users.open("a") as probe:
            try:
                # An Odoo server inherited our shared lock: this fails while it runs.
                fcntl.flock(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            self.stop()

    def stop(self, mode="fast"):
        """Stop the server, whoever uses it.

        :param str mode: ``smart``, ``fast`` or ``immediate``, as in ``pg_ctl``
        """
        if self._is_running():
            self._control("stop", "-m", mode)

    def start(self):
        """Start the server after :meth:`stop`, on the port it had."""
        self._start(self.port)

    def hold(self):
        """Count as a user of the server."""
        self.use = os.open(self._users, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self.use, fcntl.LOCK_SH)

    def _initialise(self):
        with step("A private PostgreSQL server"):
            places.need_space(self.folder.parent, 1000, "the database server")
            words = {"admin": secrets.token_hex(24), "role": secrets.token_hex(24)}
            self._secrets.touch(0o600)
            self._secrets.write_text(json.dumps(words))
            new = self.folder.with_name(f"{self.name}.new")
            places.remove(new)
            new.mkdir(0o700)
            with tempfile.NamedTemporaryFile("w") as password:
                password.write(words["admin"])
                password.flush()
                if self.owner:
                    for path in (new, password.name):
                        shutil.chown(path, self.owner)
                run(
                    [self.programs / "initdb", "-D", new, "-U", "postgres"]
                    + ["--auth=scram-sha-256", f"--pwfile={password.name}"]
                    + ["--encoding=UTF8", "--locale=C.UTF-8"],
                    "Making the PostgreSQL server",
                    places.LOGS / "initdb.log",
                    **self.run_as(),
                )
            with (new / "postgresql.conf").open("a") as settings:
                settings.write(SETTINGS)
            new.rename(self.folder)

    def _start(self, port):
        log = self.folder / "server.log"
        options = f"-p {port} {_sizes()}"
        if self._control("start", "-w", "-t", "60", "-l", log, "-o", options):
            lines = log.read_text(errors="replace") if log.exists() else ""
            last = (lines.splitlines() or ["it said nothing"])[-1]
            raise Failure(f"The PostgreSQL server does not start: {last} (see {log}).")

    def _is_running(self):
        return self._control("status") == 0

    def _control(self, *arguments):
        return subprocess.run(
            [self.programs / "pg_ctl", "-D", self.folder, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us, not for the server
            check=False,
            **self.run_as(),
        ).returncode

    def run_as(self):
        """Options of ``subprocess`` for the server's own programs."""
        run_as = {"user": self.owner, "extra_groups": []} if self.owner else {}
        return {"cwd": "/", **run_as}

    def _pid_file(self):
        return self.folder / "postmaster.pid"


def configured():
    """The server to use, up or not: the private one, unless PGHOST names another."""
    if not os.environ.get("PGHOST"):
        return PrivateServer()
    return PostgresServer(
        os.environ["PGHOST"],
        os.environ.get("PGPORT", "5432"),
        os.environ.get("PGUSER") or pwd.getpwuid(os.geteuid()).pw_name,
        os.environ.get("PGPASSWORD", ""),
    )


@contextlib.contextmanager
def server(chosen=None):
    """A PostgreSQL server, up for the time of the block.

    :param PostgresServer chosen: by default the one that is configured
    """
    chosen = chosen or configured()
    if not isinstance(chosen, PrivateServer):
        chosen.check_rights()
        yield chosen
        return
    try:
        with places.lock(places.STATE / "postgres.lock"):
            chosen.ensure_running()
        yield chosen
    finally:
        with places.lock(places.STATE / "postgres.lock"):
            chosen.release()


def stop_unused():
    """Stop the private server if nobody uses it."""
    if os.environ.get("PGHOST") or not debian.server_programs():
        return
    private = PrivateServer()
    with places.lock(places.STATE / "postgres.lock"):
        private.hold()
        private.release()


def _sizes():
    """Options that go with the machine; those PostgreSQL has are for the smallest.

    A quarter of the memory is what its manual starts from.
    """
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    buffers = min(memory // 4, _MOST_BUFFERS) >> 20
    return f"-c shared_buffers={buffers}MB -c max_wal_size=4GB"


def _server_user():
    """The user the server runs as when we are root, which it refuses; else None."""
    return "postgres" if os.geteuid() == 0 else None


def _folder(owner, name):
    """The checkout's own folder, or one that the server's user can reach."""
    inside = places.STATE / name
    if owner is None:
        return inside
    probe = subprocess.run(
        ["test", "-x", places.STATE], user=owner, extra_groups=[], check=False
    )
    if probe.returncode == 0:
        return inside
    checkout = hashlib.sha256(str(places.ROOT).encode()).hexdigest()[:12]
    outside = Path("/var/lib/g2p-spar") / checkout
    outside.mkdir(parents=True, exist_ok=True)
    say(f"  the user {owner} cannot reach {places.STATE}; the database is in {outside}")
    return outside / name
