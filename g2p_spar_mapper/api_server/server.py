# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""The processes that answer: granian, a web server that keeps connections open."""

import gc
import logging
import os
import signal
import threading
import time
from typing import NamedTuple

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server import Server

from odoo import sql_db

from .application import Application
from .balance import Balance

_logger = logging.getLogger(__name__)

HEAD_PATIENCE = 15_000  # milliseconds for the head of a request
BEAT = 1.0  # seconds between two looks at the parent
CRASH_PAUSE = 2.0  # seconds before a worker that keeps dying is started once more
#: A large message makes tens of thousands of objects, none of them in a circle: with
#: Python's own thresholds their creation is interrupted time and again.
COLLECT = (50_000, 10, 20)
#: handlers and format stay those of Odoo's log
_LOGGING = {
    "incremental": True,
    "formatters": {},
    "handlers": {},
    "loggers": {"_granian": {"propagate": True}},
}


class Settings(NamedTuple):
    """How the API is served."""

    dbname: str
    interface: str  #: address to listen on
    port: int
    workers: int  #: processes
    threads: int  #: calls that one process works on at the same time


class ApiServer(Server):
    """Starts workers again however often they are killed.

    Granian itself gives up when one dies twice within some seconds.
    """

    def _spawn_worker(self, idx, *args, **kwargs):
        self.spawning = idx  # the worker is forked next, and finds its number here
        return super()._spawn_worker(idx, *args, **kwargs)

    def _respawn_workers(self, workers, spawn_target, target_loader, delay=0):
        now = time.monotonic()
        last = max((worker.birth for worker in self.wrks), default=0)
        if now - last < CRASH_PAUSE:
            time.sleep(CRASH_PAUSE)
        try:
            return super()._respawn_workers(workers, spawn_target, target_loader, delay)
        finally:
            self.respawned_wrks.clear()


class _NoAdvice(logging.Filter):
    """Takes out what granian thinks of the operator's numbers."""

    def filter(self, record):
        return "Configur" not in str(record.msg)


def serve(settings):
    """Serve until SIGTERM or SIGINT; calls that have begun are finished.

    :param Settings settings:
    """
    logging.getLogger("_granian").addFilter(_NoAdvice())
    server = ApiServer(
        "spar_api",
        settings.interface,
        settings.port,
        interface=Interfaces.WSGI,
        workers=settings.workers,
        blocking_threads=settings.threads,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEAD_PATIENCE),
        websockets=False,
        log_access=False,
        log_dictconfig=_LOGGING,
        respawn_failed_workers=True,
    )
    # Workers are forked: they share what is loaded, but must not share connections.
    sql_db.close_all()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT)
    main = os.getpid()
    balance = Balance(settings.workers)

    def load():
        threading.Thread(target=_watch, args=(main,), daemon=True).start()
        balance.join(server.spawning)
        return Application(settings.dbname, balance=balance)

    server.serve(target_loader=load, wrap_loader=False)


def _watch(main):
    """End this worker when the main process is gone, however it went."""
    while os.getppid() == main:
        time.sleep(BEAT)
    _logger.warning("The main process is gone; ending")
    os.kill(os.getpid(), signal.SIGTERM)
