# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Keeps Odoo's server of several processes up while the database is away.

Before it replaces a process that has ended, Odoo's main process asks the database
whether its registries are still true, and it ends with all its workers when there is no
answer. One lost connection ends a process, so a database that restarts would take the
whole service down with it. Here the main process tries again at its next beat;
meanwhile the workers that are left tell API clients to come again.
"""

import logging

import psycopg2

from odoo.service.server import PreforkServer

_logger = logging.getLogger(__name__)


def install():
    """Hook ``post_load``: once per process, before the server runs."""
    process_spawn = PreforkServer.process_spawn
    if getattr(process_spawn, "is_steady", False):
        return

    is_away = False

    def steady_process_spawn(server):
        nonlocal is_away
        try:
            process_spawn(server)
        except (psycopg2.InterfaceError, psycopg2.OperationalError) as err:
            if not is_away:  # the main process comes by here at every request
                # not the error's text, which names the database's address
                _logger.warning(
                    "No process is replaced while the database is away: %s",
                    type(err).__name__,
                )
            is_away = True
        else:
            is_away = False

    steady_process_spawn.is_steady = True
    PreforkServer.process_spawn = steady_process_spawn
