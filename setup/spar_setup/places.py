# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Where things lie, and the locks that keep two runs apart."""

import contextlib
import fcntl
import os
import random
import shutil
import socket
from pathlib import Path

from .console import Failure, say

#: The checkout.
ROOT = Path(__file__).resolve().parents[2]

#: What this checkout makes for itself: database server, configuration, logs.
STATE = ROOT / ".spar"

#: Downloads and environments, shared by all checkouts of this user.
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "g2p-spar"

LOGS = STATE / "logs"
INSTANCES = STATE / "instances"


def make():
    """Make the folders; other users may pass through, but see nothing of ours."""
    CACHE.mkdir(parents=True, exist_ok=True)
    STATE.mkdir(exist_ok=True)
    STATE.chmod(0o711)  # the database server's user must get to its own folder
    for folder in (LOGS, INSTANCES):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o700)


@contextlib.contextmanager
def lock(name):
    """Hold a lock file; wait, visibly, for another run that holds it.

    :param Path name: the lock file
    """
    with name.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("  another run prepares the same thing; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def need_space(folder, megabytes, what):
    """Refuse early what the disk cannot take."""
    free = shutil.disk_usage(folder).free // 2**20
    if free < megabytes:
        raise Failure(
            f"The disk of {folder} has {free} MB free; {what} needs {megabytes} MB."
        )


def port_is_free(port):
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


#: below the ports that Linux gives to outgoing connections: one of those could be
#: gone before the server that was promised it listens
PORTS = range(20000, 32768)


def free_port():
    """A port of the loopback network that nobody uses, another one each time.

    :raise Failure: none of a hundred was free
    """
    for port in random.sample(PORTS, 100):
        if port_is_free(port):
            return port
    raise Failure(f"Free a port between {PORTS[0]} and {PORTS[-1]}: all are in use.")


def remove(folder):
    """Delete a folder and all in it, if it exists."""
    if folder.exists():
        shutil.rmtree(folder)
