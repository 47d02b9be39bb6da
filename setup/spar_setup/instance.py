# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""One database of the suite, with its folder: configuration, files, log."""

import base64
import configparser
import json
import os
import secrets
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from . import addons, odoo_log, places, python_env
from .console import TELL_EVERY, Failure, reason, run, say

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

    def configure(self, port=8069, workers=0):
        """Write the configuration file."""
        self.folder.mkdir(parents=True, exist_ok=True)
        postgres = self.postgres
        paths = [*self.odoo.addons, *_wheel_addons(self.python), places.ROOT]
        written = configparser.RawConfigParser()
        written["options"] = {
            "addons_path": ",".join(str(path) for path in paths),
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
        if postgres.password:
            written["options"]["db_password"] = postgres.password
        written["queue_job"] = {
            "channels": "root:2,root.spar:2",
            "scheme": "http",
            "host": LOOPBACK,
            "port": port,
        }
        with private_file(self.folder / "odoo.conf").open("w") as file:
            written.write(file)

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

    def check_port(self, port):
        """Refuse a port that somebody else than our own server listens on."""
        if not places.port_is_free(port) and port != self._served_port():
            raise Failure(
                f"Port {port} is taken by another program; choose one with --port."
            )

    def _served_port(self):
        """The port our own server listens on, or None if it does not run."""
        if not self.running():
            return None
        written = configparser.RawConfigParser()
        written.read(self.folder / "odoo.conf")
        return written.getint("options", "http_port")

    def start(self, port, workers=0):
        """Start the server and wait until it answers.

        :raise Failure: the port is taken, or the server ended
        """
        self.check_port(port)
        self.configure(port, workers)
        with self.log_path.open("ab") as log:
            process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environment(),
                start_new_session=True,  # we tell it ourselves when to stop
                pass_fds=[self.postgres.use] if self.postgres.use else [],
            )
        (self.folder / "odoo.pid").write_text(str(process.pid))
        try:
            _wait_for(f"http://{LOOPBACK}:{port}/web/login", process, self.log_path)
        except BaseException:
            self.stop()
            raise
        return process

    def running(self):
        """Process id of this instance's server, or None."""
        path = self.folder / "odoo.pid"
        if not path.exists():
            return None
        number = path.read_text()
        try:
            command = Path(f"/proc/{number}/cmdline").read_bytes()
        except OSError:
            return None
        return int(number) if str(self.folder).encode() in command else None

    def stop(self):
        """Stop the server, if it runs; it finishes what it does first."""
        number = self.running()
        if number:
            os.kill(number, signal.SIGTERM)
            for _attempt in range(300):
                if not _alive(number):
                    break
                time.sleep(0.1)
            else:
                os.killpg(number, signal.SIGKILL)
        (self.folder / "odoo.pid").unlink(missing_ok=True)
        return number


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


def _wait_for(url, process, log, patience=180):
    """Wait until a page answers; a server that ended is a failure."""
    start = told = time.monotonic()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        if process.poll() is not None:
            raise Failure(f"The server ended at once: {_explain(log)} (see {log}).")
        try:
            with opener.open(url, timeout=60) as answer:
                answer.read()
            return
        except urllib.error.HTTPError as err:
            raise Failure(f"The server answers {err.code} (see {log}).") from err
        except OSError:
            pass
        now = time.monotonic()
        if now - start > patience:
            raise Failure(f"The server does not answer at {url} (see {log}).")
        if now - told > TELL_EVERY:
            told = now
            say(f"    {now - start:4.0f} s  the server is starting")
        time.sleep(0.2)


def _alive(number):
    """Whether a process still runs; one that nobody collected does not."""
    try:
        status = Path(f"/proc/{number}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


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
