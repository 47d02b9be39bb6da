# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""A streaming replica of a private PostgreSQL server."""

import shutil
import signal

import psutil
from spar_setup import places, postgres
from spar_setup.console import run


class StreamingReplica:
    """A second server that replays what the first writes.

    :param PrivateServer primary: up
    """

    def __init__(self, primary):
        self.primary = primary
        self.server = postgres.PrivateServer(f"{primary.name}_replica")
        self.drop()
        admin = primary.administrator()
        folder = self.server.folder
        folder.mkdir(0o700)
        if self.server.owner:
            shutil.chown(folder, self.server.owner)
        run(
            [self.server.programs / "pg_basebackup", "-D", folder, "-R", "-c", "fast"],
            "Copying the primary server",
            places.LOGS / "basebackup.log",
            env=admin.environment(),
            **self.server.run_as(),
        )
        self.server.port = places.free_port()
        self.server.start()

    @property
    def port(self):
        return self.server.port

    def _administrator(self):
        admin = self.primary.administrator()
        return type(admin)(admin.host, self.port, admin.user, admin.password)

    def pause(self):
        """Stop replaying; what the primary writes is received all the same."""
        self._administrator().query("SELECT pg_wal_replay_pause()")

    def resume(self):
        """Replay again."""
        self._administrator().query("SELECT pg_wal_replay_resume()")

    def stop(self):
        """As if the machine had been switched off."""
        self.server.stop("immediate")

    def start(self):
        """Switch it on again."""
        self.server.start()

    def freeze(self):
        """Let none of its processes get on, as if its disk hung; its machine goes on
        to take packets."""
        self._signal(signal.SIGSTOP)

    def thaw(self):
        """Let them get on again."""
        self._signal(signal.SIGCONT)

    def _signal(self, number):
        file = self.server.folder / "postmaster.pid"
        main = psutil.Process(int(file.read_text().splitlines()[0]))
        for process in (main, *main.children()):
            process.send_signal(number)

    def drop(self):
        """Stop it and remove its data."""
        if self.server.folder.exists():
            self.server.stop("immediate")
            places.remove(self.server.folder)
