# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Databases that others start as copies of; they save most of the waiting.

*Foundations* hold what an addon of ours depends on and nothing of ours: the slow part,
which only changes with Odoo. The *suite* has all our addons with demo data.
Call these functions with the checkout's lock held.
"""

import hashlib
import json

from . import addons, places, python_env
from .console import step

# Other checkouts may have databases on the same server (PGHOST): the names tell apart.
_CHECKOUT = hashlib.sha256(str(places.ROOT).encode()).hexdigest()[:4]
_FOUNDATION = f"spar_base_{_CHECKOUT}"
_SUITE = f"spar_suite_{_CHECKOUT}"


def foundation(bench, names):
    """Return a database with all that some of our addons depend on.

    :param bench: the :class:`~.workbench.Workbench`
    :param names: addons of this checkout
    """
    wanted = addons.foreign_dependencies(names)
    version = _hash(bench.odoo.version.encode(), *_requirements())
    template = bench.instance(f"{_FOUNDATION}_{version}_{_hash(*_encoded(wanted))}")
    if template.exists():
        return template
    smaller = []
    for database in bench.postgres.databases():
        other = bench.instance(database)
        if not database.startswith(f"{_FOUNDATION}_") or not other.folder.exists():
            continue
        if version not in database or database.endswith("_new"):
            other.drop()  # of another Odoo, or of a run that was killed
        elif set(other.noted()) < set(wanted):
            smaller.append(other)
    base = max(smaller, key=lambda other: len(other.noted()), default=None)
    with step(f"A database with {', '.join(wanted)} (once)"):
        template.make(wanted, base=base)
    return template


def suite(bench):
    """Return a database with all our addons and demo data, as their files are now."""
    names = list(addons.manifests())
    template = bench.instance(_SUITE)
    wanted = _hash(
        json.dumps(addons.fingerprints()).encode(),
        bench.odoo.version.encode(),
        *_requirements(),
    )
    noted = template.folder / "made-from"
    if template.exists() and noted.exists() and noted.read_text() == wanted:
        return template
    base = foundation(bench, names)
    with step("A database with the suite and its demo data, for the tests"):
        template.make(names, demo=True, base=base)
    noted.write_text(wanted)
    return template


def _requirements():
    return [(places.ROOT / name).read_bytes() for name in python_env.RUN]


def _encoded(names):
    return [name.encode() for name in names]


def _hash(*parts):
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:8]
