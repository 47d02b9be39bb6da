# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""One database of the suite, with its folder: configuration, files, log."""

import base64
import configparser
import json
import secrets
import shutil
import subprocess
from pathlib import Path

from . import addons, odoo_log, places, python_env
from .console import Failure, reason, run
from .server import Server

LAUNCHER = Path(__file__).with_name("odoo_main.py")
LOOPBACK = "127.0.0.1"  # demo logins are no secret: no other machine gets in
KEY_FILE = places.STATE / "keyring.json"


_HASH = (
    "import sys; from passlib.hash import pbkdf2_sha512; "
    "print(pbkdf2_sha512.hash(sys.stdin.read()))"
)


class Instance:
    """A database, made completely or not at all.

    :param str database: its name
    :param postgres: the :class:`~.postgres.PostgresServer` it lies on
    :param odoo: the :class:`~.odoo_source.OdooSource` to run; only stopping needs none
    :param Path python: the Python of the environment to run it with
    """

    def __init__(self, database, postgres, odoo=None, python=None):
        self.database = database
        self.postgres = postgres
        self.odoo = odoo
        self.python = python
        self.folder = places.INSTANCES / (database + postgres.suffix)
        self.log_path = self.folder / "odoo.log"
        self.password_file = self.folder / "admin-password"
        self.replica_port = None  #: of a replica of the database server

    # ---------------------------------------------------------------- the database

    def exists(self):
        """Whether this checkout made the database, all of it.

        :raise Failure: somebody else has a database of that name
        """
        if self.database not in self.postgres.databases():
            return False
        if self.postgres.private:
            return self.folder.exists()
        if not self.folder.exists():
            raise Failure(
                f"The database {self.database} exists but was not made by this "
                f"checkout; choose another name with --db, or drop it."
            )
        return True

    def drop(self):
        """Remove the database and its folder."""
        self.postgres.drop(self.database)
        places.remove(self.folder)

    def make(self, names, demo=False, base=None):
        """Make the database with addons installed; it gets its name at the end.

        :param names: addons to install
        :param bool demo: whether to load their demo data
        :param base: instance to start from, that is not served
        """
        new = Instance(f"{self.database}_new", self.postgres, self.odoo, self.python)
        new.drop()
        self.drop()
        if base:
            new.copy_from(base)
        new.install(names, demo, places.LOGS / f"install-{self.database}.log")
        new.become(self)

    def install(self, names, demo, log):
        """Install addons into the database, which need not exist.

        Odoo loads an addon's demo data only if all it depends on has demo data. The
        addons of a foundation have none (we want no products and invoices on our
        screens), so they are made to look as if they had.
        """
        self.configure()
        if demo and self.database in self.postgres.databases():
            self.postgres.query(
                "UPDATE ir_module_module SET demo = true WHERE state = 'installed'",
                self.database,
            )
        run(
            self.command("-i", ",".join(names), "--stop-after-init", "--no-http")
            + (["--with-demo"] if demo else []),
            f"Installing {', '.join(names)}",
            log,
            measure=lambda: _module_in(log),
            explain=_explain,
            env=self.environment(),
        )
        self.check_installed(names, log)
        self.note(names)

    def copy_from(self, source):
        """Make this database as a copy of another instance that is not served."""
        self.drop()
        shutil.copytree(source.folder, self.folder)
        self.log_path.unlink(missing_ok=True)
        places.remove(self.folder / "data/sessions")
        filestores = self.folder / "data/filestore"
        if (filestores / source.database).exists():
            (filestores / source.database).rename(filestores / self.database)
        self.postgres.copy(source.database, self.database)

    def become(self, other):
        """Take another instance's name; the database is renamed last."""
        filestores = self.folder / "data/filestore"
        if (filestores / self.database).exists():
            (filestores / self.database).rename(filestores / other.database)
        self.folder.rename(other.folder)
        self.postgres.query(
            f'ALTER DATABASE "{self.database}" RENAME TO "{other.database}"'
        )

    def update(self):
        """Install or update the addons whose files changed since they were installed.

        :return: their names
        """
        noted = self.noted()
        changed = [
            name
            for name, fingerprint in addons.fingerprints().items()
            if noted.get(name) != fingerprint
        ]
        if changed:
            self.configure()
            known = [name for name in changed if name in noted]
            new = [name for name in changed if name not in noted]
            log = places.LOGS / f"update-{self.database}.log"
            run(
                self.command("--stop-after-init", "--no-http")
                + (["-u", ",".join(known)] if known else [])
                + (["-i", ",".join(new)] if new else []),
                f"Updating {', '.join(changed)}",
                log,
                measure=lambda: _module_in(log),
                explain=_explain,
                env=self.environment(),
            )
            self.check_installed(changed, log)
            self.note(changed)
        return changed

    def check_installed(self, names, log):
        """Refuse a database in which an addon did not arrive."""
        rows = self.postgres.query(
            "SELECT name FROM ir_module_module WHERE state = 'installed'", self.database
        )
        absent = sorted(set(names) - {row[0] for row in rows})
        if absent:
            raise Failure(f"Not installed: {', '.join(absent)} (see {log}).")

    def note(self, names):
        """Remember in which state of their files addons are in the database."""
        now = addons.fingerprints()
        noted = {**self.noted(), **{name: now.get(name, "") for name in names}}
        (self.folder / "addons.json").write_text(json.dumps(noted, indent=1))

    def noted(self):
        """Map the addons that were asked for to the state of their files then."""
        path = self.folder / "addons.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def logins(self):
        """Logins of the active users, as the database has them."""
        rows = self.postgres.query(
            "SELECT login FROM res_users WHERE active", self.database
        )
        return {row[0] for row in rows}

    def protect_administrator(self):
        """Give the administrator a random password instead of Odoo's well-known one.

        :return: the password; it is also kept in the folder, readable by us alone
        """
        password = secrets.token_urlsafe(12)
        hashed = subprocess.run(
            [self.python, "-c", _HASH],
            input=password,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        self.postgres.query(
            f"UPDATE res_users SET password = '{hashed}' WHERE login = 'admin'",
            self.database,
        )
        private_file(self.password_file).write_text(password + "\n")
        return password

    # ------------------------------------------------------------------ the server

    def configure(self, port=8069, workers=0, api_port=None):
        """Write the configuration file."""
        self.folder.mkdir(parents=True, exist_ok=True)
        postgres = self.postgres
        written = configparser.RawConfigParser()
        written["options"] = {
            "addons_path": self._addons_path(),
            "admin_passwd": secrets.token_urlsafe(24),
            "data_dir": self.folder / "data",
            "db_host": postgres.host,
            "db_port": postgres.port,
            "db_user": postgres.user,
            # One database and no list of them: with a filter by name Odoo would ask
            # the database server for all names at every request.
            "db_name": self.database,
            "list_db": "False",
            "proxy_mode": "False",
            "http_interface": LOOPBACK,
            "http_port": port,
            "gevent_port": places.free_port(),
            "workers": workers,
            "max_cron_threads": 1,
            # Jobs run inside requests of the job runner and may take their time.
            "limit_time_cpu": 600,
            "limit_time_real": 1200,
            # The mapper, too, so that API clients get its errors when the database
            # is away and no route of an installed addon is known.
            "server_wide_modules": "base,rpc,web,queue_job,g2p_spar_mapper",
        }
        if self.replica_port:
            written["options"]["db_replica_host"] = postgres.host
            written["options"]["db_replica_port"] = str(self.replica_port)
        if postgres.password:
            written["options"]["db_password"] = postgres.password
        written["queue_job"] = {
            # receivers of results may be slow, and must not keep other jobs waiting
            "channels": "root:2,root.spar:2,root.spar.callback:1",
            "scheme": "http",
            "host": LOOPBACK,
            "port": port,
        }
        if api_port:
            written["spar_api"] = {"port": api_port}
        with private_file(self.folder / "odoo.conf").open("w") as file:
            written.write(file)

    def _addons_path(self):
        paths = [*self.odoo.addons, *_wheel_addons(self.python), places.ROOT]
        return ",".join(str(path) for path in paths)

    def command(self, *arguments):
        """The command line of an Odoo on this database."""
        conf = self.folder / "odoo.conf"
        return [self.python, LAUNCHER, "-c", conf, "-d", self.database, *arguments]

    def environment(self):
        """The environment of an Odoo on this database."""
        return python_env.clean_environment(
            SPAR_ODOO_PATH=str(self.odoo.import_path),
            SPAR_KEY_FILE=str(KEY_FILE),
            PYTHONSAFEPATH="1",
            PYTHONUNBUFFERED="1",
        )

    def check_ports(self, port, api_port=None):
        """Refuse ports that somebody else than our own servers listens on."""
        for number, option in ((port, "--port"), (api_port, "--api-port")):
            if not number or places.port_is_free(number):
                continue
            if number not in self._served_ports():
                raise Failure(
                    f"Port {number} is taken by another program; "
                    f"choose one with {option}."
                )

    def _served_ports(self):
        """The ports our own servers listen on, if they run."""
        if not self.running():
            return []
        written = configparser.RawConfigParser()
        written.read(self.folder / "odoo.conf")
        return [
            written.getint("options", "http_port"),
            written.getint("spar_api", "port", fallback=None),
        ]

    def start(self, port, workers=0, api_port=None):
        """Start the server and wait until it answers.

        :param int workers: processes of each server; 0 is one process with threads
        :param api_port: with workers, a second server answers the API alone here
        :return: the processes
        :raise Failure: a port is taken, or a server ended
        """
        api_port = api_port if workers else None
        self.check_ports(port, api_port)
        self.configure(port, workers, api_port)
        options = {
            "env": self.environment(),
            "pass_fds": [self.postgres.use] if self.postgres.use else [],
        }
        try:
            page = f"http://{LOOPBACK}:{port}/web/login"
            started = [self._odoo_server.start(self.command(), page, **options)]
            if api_port:
                page = f"http://{LOOPBACK}:{api_port}/.well-known/jwks.json"
                command = self.api_command(api_port, workers)
                started.append(self._api_server.start(command, page, **options))
        except BaseException:
            self.stop()
            raise
        return started

    def api_command(self, port, workers):
        """The command line of the server that answers the API alone."""
        conf = self.folder / "odoo.conf"
        # the command is one of our addon, which Odoo looks for before it reads the file
        return [
            *[self.python, LAUNCHER, f"--addons-path={self._addons_path()}"],
            *["spar_api", "-c", conf, "-d", self.database],
            *[f"--port={port}", f"--workers={workers}"],
        ]

    @property
    def _odoo_server(self):
        return Server(self.folder, "odoo", self.log_path, _explain)

    @property
    def _api_server(self):
        return Server(self.folder, "api", self.log_path, _explain)

    def running(self):
        """Process id of this instance's server, or None."""
        return self._odoo_server.running()

    def stop(self):
        """Stop the servers, if they run; they finish what they do first."""
        numbers = [self._api_server.stop(), self._odoo_server.stop()]
        return next(filter(None, numbers), None)


def ensure_key_file():
    """Make the key ring of this checkout once; it never lies in a database.

    The registry stores keyed hashes of IDs; this is the key.
    """
    if KEY_FILE.exists():
        return
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    new = private_file(KEY_FILE.with_suffix(".new"))
    new.write_text(json.dumps({"current": "k1", "keys": {"k1": key}}))
    new.rename(KEY_FILE)


def private_file(path):
    """Make sure that nobody else can read a file before a secret goes in."""
    path.touch(0o600)
    path.chmod(0o600)
    return path


def _wheel_addons(python):
    """The folder of addons that came as Python packages (queue_job)."""
    return [python_env.site_packages(python) / "odoo/addons"]


def _explain(log):
    """How the last traceback of an Odoo log ends, else what the console makes of it."""
    for text in reversed(odoo_log.problems(log.read_text(errors="replace"))):
        if "Traceback (most recent call last)" in text:
            return next(
                line.strip().rstrip(".:")
                for line in reversed(text.splitlines())
                if line.strip() and not line.startswith(" ")
            )
    return reason(log)


def _module_in(log):
    """Which addon Odoo loads now, from its log."""
    text = log.read_text(errors="replace")
    start = text.rfind("Loading module ")
    return text[start:].split("\n")[0] if start >= 0 else "starting"
