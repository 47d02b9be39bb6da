# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Tests of the table of behaviour: one method per row, run in every way it applies.

``row_13_update_not_linked`` becomes ``test_row_13_update_not_linked[spec-compat-sync]``
and so on: every dialect, profile and mode, unless a decorator says that there is but
one mode. Numbers are those of the table that all known G2P-Connect mapper clients can
live with.
"""

import functools
import itertools
from typing import NamedTuple

from .api_case import ASYNC_ROOTS, ROOTS, ApiCase

DIALECTS = ("openg2p", "spec")
PROFILES = ("compat", "strict")
MODES = ("sync", "async")

ID = "token:spartest-1@nationalId"
OTHER = "token:spartest-2@nationalId"
LINK_FIRST = "ID doesnt exist please link first"
ALREADY = "ID and FA are already mapped"


class Way(NamedTuple):
    """How a row is asked for."""

    dialect: str
    profile: str
    mode: str  #: ``sync`` or ``async``


EVERY_WAY = [*map(Way._make, itertools.product(DIALECTS, PROFILES, MODES))]


def _decorator(mode):
    def decorate(method):
        method.ways = [way for way in EVERY_WAY if way.mode == mode]
        return method

    return decorate


only_sync, only_async = map(_decorator, MODES)


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

    @property
    def is_async(self):
        return self.way.mode == "async"

    @property
    def root(self):
        """Where messages go whose answer is looked at byte by byte."""
        return ASYNC_ROOTS[0] if self.is_async else ROOTS[0]

    def call(self, operation, items, root=None, **header):
        """Header and results, whichever way they come."""
        if self.is_preparing:
            return super().call(operation, items, **header)
        call = self.call_async if self.is_async else super().call
        return call(operation, items, root or self.root, **header)

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

    def send(self, operation, message):
        """Post a message as it is; give the answer."""
        response = self.post(operation, message, self.root)
        self.assertEqual(response.status_code, 200, response.text)
        return response.json()

    def assertWhole(self, operation, items, code, ack_code, **header):
        """A message is refused as a whole: in its answer, or at once in the Ack."""
        if self.is_async:
            self.assertNotTaken(self.post_async(operation, items, **header), ack_code)
        else:
            answer_header, results = self.call(operation, items, **header)
            self.assertRefused(answer_header, results, code, items)

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
