# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Tests of the table of behaviour: one method per row, run in every way it applies.

``row_13_update_not_linked`` becomes ``test_row_13_update_not_linked[spec-compat-sync]``
and so on: every dialect, profile and mode, unless a decorator says otherwise. Numbers
are those of the table that all known G2P-Connect mapper clients can live with.
"""

import functools
import itertools
from typing import NamedTuple

from .api_case import ROOTS, ApiCase

DIALECTS = ("openg2p", "spec")
PROFILES = ("compat", "strict")
MODES = ("sync", "async")

ID = "token:spartest-1@nationalId"
LINK_FIRST = "ID doesnt exist please link first"
ALREADY = "ID and FA are already mapped"


class Way(NamedTuple):
    """How a row is asked for."""

    dialect: str
    profile: str
    mode: str  #: ``sync`` or ``async``


#: asynchronous messages go the same way after the Ack, so two clients will do
EVERY_WAY = [
    *map(Way._make, itertools.product(DIALECTS, PROFILES, MODES[:1])),
    Way("openg2p", "compat", "async"),
    Way("spec", "strict", "async"),
]


def _decorator(ways):
    def decorate(method):
        method.ways = ways
        return method

    return decorate


#: for what does not depend on how a client is set up
once = _decorator(EVERY_WAY[:1])
#: for faults of a whole message, which ``test_async`` has for the other mode
sync = _decorator([way for way in EVERY_WAY if way.mode == "sync"])


class RowCase(ApiCase):
    """A client for each dialect and profile; ``self.client`` is the one at hand."""

    way: Way
    is_preparing = False

    def __init_subclass__(cls, **kwargs):
        for name, method in [*vars(cls).items()]:
            if not name.startswith("row_"):
                continue
            for way in getattr(method, "ways", EVERY_WAY):
                setattr(cls, f"test_{name}[{'-'.join(way)}]", _test(method, way))
        return super().__init_subclass__(**kwargs)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.strict.state = cls.compat.state = "suspended"
        clients = [
            cls.client_values(f"{dialect}-{profile}", dialect=dialect, profile=profile)
            for dialect in DIALECTS
            for profile in PROFILES
        ]
        cls.clients = {
            client.code: client for client in cls.env["g2p.spar.client"].create(clients)
        }

    @property
    def client(self):
        return self.clients[f"{self.way.dialect}-{self.way.profile}"]

    @property
    def is_strict(self):
        return self.way.profile == "strict"

    def call(self, operation, items, root=ROOTS[0], **header):
        """Header and results, whichever way they come."""
        if self.way.mode == "sync" or self.is_preparing:
            return super().call(operation, items, root, **header)
        return self.call_async(operation, items, **header)

    def link(self, *args, **kwargs):
        """Something to start with: how it got there does not matter."""
        self.is_preparing = True
        try:
            return super().link(*args, **kwargs)
        finally:
            self.is_preparing = False

    def message(self, operation, items, **header):
        return super().message(
            operation, items, **{"sender_id": self.client.code, **header}
        )

    def said(self, openg2p, spec):
        """The code that the dialect at hand has."""
        return spec if self.way.dialect == "spec" else openg2p

    def freeze(self, wire_id):
        """Suspend a mapping, as staff do."""
        self.env.flush_all()
        key = self.env["g2p.spar.mapper"]._id_key(wire_id)
        self.env.cr.execute(
            "UPDATE g2p_spar_mapping SET state = 'frozen'"
            " WHERE id_key = %s AND closed_at IS NULL",
            [key],
        )
        self.env.invalidate_all()


def _test(method, way):
    @functools.wraps(method)
    def test(self):
        self.way = way
        method(self)

    return test
