# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Everything a run needs, prepared in the right order."""

import contextlib
import os
import re
from pathlib import Path
from typing import NamedTuple

from . import debian, instance, odoo_source, places, postgres, python_env
from .instance import Instance

SCRATCH = "spar_scratch_"


class Workbench(NamedTuple):
    """Odoo, an environment to run it in, and a database server that is up."""

    odoo: odoo_source.OdooSource
    python: Path
    postgres: postgres.PostgresServer

    def instance(self, database):
        """The instance of that name, whether it exists yet or not."""
        return Instance(database, self.postgres, self.odoo, self.python)

    def scratch(self, name):
        """An instance of this process only; whoever makes it drops it."""
        return self.instance(f"{SCRATCH}{os.getpid()}_{name}")

    def drop_leftovers(self):
        """Drop the scratch instances of processes that were killed."""
        for database in sorted(self.postgres.databases()):
            found = re.match(rf"{SCRATCH}(\d+)_", database)
            instance = self.instance(database)
            if not found or not instance.folder.exists():
                continue  # not ours
            if not Path(f"/proc/{found[1]}").exists():
                instance.stop()
                instance.drop()


@contextlib.contextmanager
def workbench(requirements=python_env.RUN, packages=()):
    """Fetch what is missing and keep the database server up for the block.

    :param requirements: requirement files of the environment
    :param packages: those of ``debian.OPTIONAL`` that are needed
    :raise Failure: something cannot be had
    """
    places.make()
    debian.ensure(packages)
    with places.lock(places.CACHE / "odoo.lock"):
        odoo = odoo_source.find_or_fetch()
    python = python_env.ensure(requirements)
    instance.ensure_key_file()
    with postgres.server() as server:
        yield Workbench(odoo, python, server)
