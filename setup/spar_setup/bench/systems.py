# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""The two systems that are measured, each with two processes and the same data."""

import json
import os
import subprocess
import time
import urllib.error
import urllib.request

from .. import places, python_env
from ..console import Failure, say
from ..instance import private_file
from . import PROGRAMS

WORKERS = 2
WIRE_ID = "token:bench-%d@nationalId"
FA = (
    "account_number:7%010d.branch_name:HDFC Mumbai Central Branch"
    ".branch_code:HDFC0000522.bank_name:HDFC Bank Ltd..bank_code:HDFC.fa_type:bank"
)
SENDER = "bench"
SIGNED_SENDER = "bench-signed"

PEER_ROWS = """
    INSERT INTO id_fa_mappings (
           id_value, fa_value, name, phone, additional_info, created_at, active)
    SELECT format('token:bench-%%s@nationalId', n),
           format('account_number:7%%s.branch_name:HDFC Mumbai Central Branch'
                  '.branch_code:HDFC0000522.bank_name:HDFC Bank Ltd.'
                  '.bank_code:HDFC.fa_type:bank',
                  lpad(n::text, 10, '0')),
           'Person ' || n, NULL, '[{"strategy_id": 1}]', now(), true
      FROM generate_series(%d, %d) n;
"""


class System:
    """What both have: a name, a port, a process that is stopped in the end."""

    name = ""
    root = "/mapper/sync"  #: path of the synchronous operations

    def __init__(self):
        self.port = places.free_port()
        self.process = None

    def _launch(self, command, log, **options):
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **options,
            )
        _wait_for(self.port, self.process, log)

    def stop(self):
        """End its processes."""
        if self.process:
            self.process.terminate()
            self.process.wait(60)
            self.process = None

    def workers(self):
        """Process ids of those that answer."""
        listed = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self.process.pid)],
            capture_output=True,
            text=True,
            check=True,
        )
        return [int(number) for number in listed.stdout.split()]


class Ours(System):
    """This suite, answering with ``spar_api``: sealed values, ledger, client check,
    replay protection and accounting of look-ups are on."""

    name = "SPAR"

    def __init__(self, bench, source, name="bench"):
        super().__init__()
        self.bench = bench
        self.instance = bench.scratch(name)
        with places.lock(places.STATE / "lock"):
            self.instance.copy_from(source)
        self.instance.configure(self.port)
        self.log = places.LOGS / f"{name}-spar.log"
        self.log.unlink(missing_ok=True)
        self.key_file = places.STATE / "bench-key.pem"

    def make_clients(self):
        """Make the API clients that send the requests."""
        private_file(self.key_file)
        if self._shell("clients.py", SPAR_BENCH_KEY=str(self.key_file)).wait():
            raise Failure(f"The API clients were not made (see {self.log}).")

    def query(self, sql):
        return self.bench.postgres.query(sql, self.instance.database)

    def _shell(self, program, **environment):
        """Run a program of the bench inside ``odoo shell``."""
        python, launcher, *options = map(str, self.instance.command("--no-http"))
        with (PROGRAMS / program).open("rb") as script, self.log.open("ab") as output:
            return subprocess.Popen(
                [python, launcher, "shell", *options],
                stdin=script,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self.instance.environment() | environment,
            )

    def fill(self, first, last):
        """Link IDs, with as many processes as there are processors (two at most)."""
        parts = min(2, os.cpu_count() or 1)
        step = -(-(last - first) // parts)
        started = [
            self._shell(
                "fill.py",
                SPAR_BENCH_RANGE=json.dumps(
                    [start, min(start + step, last), WIRE_ID, FA]
                ),
            )
            for start in range(first, last, step)
        ]
        codes = [process.wait() for process in started]
        found = self.query("SELECT count(*) FROM g2p_spar_mapping")
        if any(codes) or int(found[0][0]) < last - first:
            raise Failure(f"The registry was not filled (see {self.log}).")
        self.query("VACUUM ANALYZE g2p_spar_mapping")

    def start(self, signatures):
        """Serve; whether signatures are asked for, each client says."""
        self._launch(
            self.instance.api_command(self.port, WORKERS),
            self.log,
            env=self.instance.environment(),
        )

    def drop(self):
        self.stop()
        self.instance.drop()
        self.key_file.unlink(missing_ok=True)


class Peer(System):
    """The real OpenG2P mapper 1.1.0 under uvicorn."""

    name = "OpenG2P mapper 1.1.0"

    def __init__(self, bench):
        super().__init__()
        self.bench = bench
        self.python = python_env.ensure_peer("mapper")
        self.database = f"{bench.scratch('bench').database}_peer"
        self.log = places.LOGS / "bench-peer.log"
        self.log.unlink(missing_ok=True)
        self.stub_port = places.free_port()
        self.stub = None
        bench.postgres.drop(self.database)
        # compares texts as quickly as a database that Odoo makes
        bench.postgres.query(
            f"CREATE DATABASE \"{self.database}\" TEMPLATE template0 LC_COLLATE 'C'"
        )
        with self.log.open("ab") as output:
            subprocess.run(
                [self.python, PROGRAMS / "peer_app.py"],
                env=self.environment(signatures=False),
                stdout=output,
                stderr=subprocess.STDOUT,
                check=True,
            )

    def environment(self, signatures):
        server = self.bench.postgres
        settings = {
            "DB_HOSTNAME": server.host,
            "DB_PORT": server.port,
            "DB_DBNAME": self.database,
            "DB_USERNAME": server.user,
            # its address for the database has no room for an empty one
            "DB_PASSWORD": server.password or "none",
            "LOGGING_LEVEL": "WARNING",
            "OPENAPI_COMMON_API_PREFIX": "/mapper",
            "OAUTH_TOKEN_URL": f"http://127.0.0.1:{self.stub_port}/token",
            "JWT_VERIFY_URL": f"http://127.0.0.1:{self.stub_port}/verify",
            "OAUTH_CLIENT_ID": "bench",
            "OAUTH_CLIENT_SECRET": "bench",
        }
        named = {f"SPAR_MAPPER_{key}": str(value) for key, value in settings.items()}
        asked = "on" if signatures else "off"
        return python_env.clean_environment(SPAR_BENCH_SIGNATURES=asked, **named)

    def fill(self, first, last):
        """Write the rows directly."""
        self.bench.postgres.query(PEER_ROWS % (first, last - 1), self.database)
        self.bench.postgres.query("VACUUM ANALYZE id_fa_mappings", self.database)

    def start(self, signatures):
        if signatures:
            self.stub = subprocess.Popen(
                [self.python, PROGRAMS / "stub.py", str(self.stub_port)]
            )
        self._launch(
            [self.python, "-m", "uvicorn", "peer_app:app", "--app-dir", PROGRAMS]
            + ["--workers", WORKERS, "--host", "127.0.0.1", "--port", self.port]
            + ["--log-level", "warning", "--no-access-log"],
            self.log,
            env=self.environment(signatures),
        )

    def stop(self):
        super().stop()
        if self.stub:
            self.stub.terminate()
            self.stub.wait(10)
            self.stub = None

    def drop(self):
        self.stop()
        self.bench.postgres.drop(self.database)


def _wait_for(port, process, log, patience=120):
    """Wait until something answers HTTP, whatever it says."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + patience
    while True:
        try:
            opener.open(f"http://127.0.0.1:{port}/mapper/ping", timeout=5).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            pass
        if process.poll() is not None or time.monotonic() > deadline:
            say(log.read_text(errors="replace")[-2000:])
            raise Failure(f"A server did not start (see {log}).")
        time.sleep(0.2)
