# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""One server process in the background: started, found again, stopped."""

import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from .console import TELL_EVERY, Failure, say

#: Seconds to stop in. A thread of Odoo may take the signal from the main one, which
#: then notices when it has slept its minute. Who is killed earlier loses look-ups that
#: were answered and are not accounted for yet.
STOP_PATIENCE = 90


class Server:
    """A process whose id is kept in a file.

    :param Path folder: of its instance; its path is part of the command line
    :param str name: of the file
    :param Path log_path: where its output goes
    :param explain: function that says in a few words why the log ends
    """

    def __init__(self, folder, name, log_path, explain):
        self.folder = folder
        self.pid_file = folder / f"{name}.pid"
        self.log_path = log_path
        self.explain = explain

    def start(self, command, page, **options):
        """Start it and wait until it answers.

        :param list command: the command line
        :param str page: address that answers once it serves
        :param options: further ones of ``subprocess.Popen``
        :raise Failure: it ended, or does not answer
        """
        with self.log_path.open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # we tell it ourselves when to stop
                **options,
            )
        self.pid_file.write_text(str(process.pid))
        _wait_for(page, process, self.log_path, self.explain)
        return process

    def running(self):
        """Process id, or None."""
        if not self.pid_file.exists():
            return None
        number = self.pid_file.read_text()
        try:
            command = Path(f"/proc/{number}/cmdline").read_bytes()
        except OSError:
            return None
        return int(number) if str(self.folder).encode() in command else None

    def stop(self):
        """Stop it, if it runs; it finishes what it does first.

        :return: its process id, or None
        """
        number = self.running()
        if number:
            os.kill(number, signal.SIGTERM)
            for _attempt in range(STOP_PATIENCE * 10):
                if not _alive(number):
                    break
                time.sleep(0.1)
            else:
                os.killpg(number, signal.SIGKILL)
        self.pid_file.unlink(missing_ok=True)
        return number


def _wait_for(url, process, log, explain, patience=180):
    """Wait until a page answers; a server that ended is a failure."""
    start = told = time.monotonic()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        if process.poll() is not None:
            raise Failure(f"The server ended at once: {explain(log)} (see {log}).")
        try:
            with opener.open(url, timeout=60) as answer:
                answer.read()
            return
        except urllib.error.HTTPError as err:
            why = f"The server answers {err.code}: {explain(log)} (see {log})."
            raise Failure(why) from err
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
