# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import threading

import psycopg2

from odoo import SUPERUSER_ID, api
from odoo.sql_db import db_connect
from odoo.tests import BaseCase, get_db_name, tagged
from odoo.tools import mute_logger

from .. import isolation, keyring, rekeying, store
from .. import outcomes as oc
from ..outcomes import Actor, LinkItem, ResolveItem, UnlinkItem
from .key_case import KeyCase
from .race_case import forget

WIRE_ID = "token:spartest-race@nationalId"
ACTOR = Actor("staff", SUPERUSER_ID, purpose="Race in a test", strict=False)


@tagged("post_install", "-at_install")
class TestMapperRace(KeyCase, BaseCase):
    """Two real transactions want the same ID at the same time."""

    def setUp(self):
        super().setUp()
        self.forget()  # what a run that was killed left behind
        self.addCleanup(self.forget)  # runs last, when the cursors below are closed
        self.mappers = []
        for _number in range(2):
            cursor = db_connect(get_db_name()).cursor()
            self.addCleanup(cursor.close)
            env = api.Environment(cursor, SUPERUSER_ID, {})
            self.mappers.append(env["g2p.spar.mapper"])

    def wait_for_others(self):
        """Run as writes of the API do."""
        for mapper in self.mappers:
            isolation.read_committed(mapper.env.cr)

    def forget(self):
        forget(ACTOR.purpose)

    def race(self, first, second):
        """Run ``second`` while ``first`` is done and not committed yet.

        :return: the exception of ``second``, or None
        """
        # both take their snapshot before anybody writes
        for mapper in self.mappers:
            mapper.env.cr.execute("SELECT 1 FROM g2p_spar_mapping LIMIT 1")
        self.assertEqual(first(self.mappers[0])[0].code, oc.OK)
        faults = []

        def run():
            try:
                second(self.mappers[1])
            except psycopg2.Error as err:
                faults.append(err)

        thread = threading.Thread(target=run)
        thread.start()
        thread.join(0.3)
        self.assertTrue(thread.is_alive(), "the second waits for the first")
        self.mappers[0].env.cr.commit()
        thread.join(20)
        self.assertFalse(thread.is_alive())
        if faults:
            self.mappers[1].env.cr.rollback()
            return faults[0]
        self.mappers[1].env.cr.commit()
        return None

    def link(self, mapper, fa="race-1"):
        return mapper._link([LinkItem(WIRE_ID, fa)], ACTOR)

    def update(self, mapper, fa):
        return mapper._update([LinkItem(WIRE_ID, fa)], ACTOR)

    def remove(self, mapper):
        return mapper._unlink([UnlinkItem(WIRE_ID)], ACTOR)

    def resolve(self, mapper):
        return mapper._resolve([ResolveItem(WIRE_ID)], ACTOR)[0]

    @mute_logger("odoo.sql_db")
    def test_two_links(self):
        fault = self.race(self.link, lambda mapper: self.link(mapper, "race-2"))
        # not swallowed: Odoo repeats a request that fails in this way ...
        self.assertIsInstance(fault, psycopg2.errors.SerializationFailure)
        # ... and the second time the loser is told
        again = self.link(self.mappers[1], "race-2")
        self.assertEqual(again[0].code, oc.ALREADY_LINKED)
        self.assertEqual(self.resolve(self.mappers[1]).fa, "race-1")

    @mute_logger("odoo.sql_db")
    def test_two_updates(self):
        self.link(self.mappers[0])
        self.mappers[0].env.cr.commit()
        fault = self.race(
            lambda mapper: self.update(mapper, "race-2"),
            lambda mapper: self.update(mapper, "race-3"),
        )
        self.assertIsInstance(fault, psycopg2.errors.SerializationFailure)
        self.assertEqual(self.update(self.mappers[1], "race-3")[0].code, oc.OK)
        self.mappers[1].env.cr.commit()
        self.mappers[0].env.cr.rollback()
        self.assertEqual(self.resolve(self.mappers[0]).fa, "race-3")
        key = self.mappers[0]._id_key(WIRE_ID)
        periods = self.mappers[0].env["g2p.spar.mapping"].search([("id_key", "=", key)])
        self.assertEqual(len(periods), 3)
        self.assertEqual(len(periods.filtered(lambda one: not one.closed_at)), 1)

    @mute_logger("odoo.sql_db")
    def test_unlink_against_update(self):
        self.link(self.mappers[0])
        self.mappers[0].env.cr.commit()
        fault = self.race(self.remove, lambda mapper: self.update(mapper, "race-2"))
        self.assertIsInstance(fault, psycopg2.errors.SerializationFailure)
        again = self.update(self.mappers[1], "race-2")
        self.assertEqual(again[0].code, oc.NOT_LINKED)

    # ----------------------------------------------------------- as the API does it

    def get_outcome(self, first, second):
        """What ``second`` gets, who waits for ``first`` and fails in no case."""
        self.wait_for_others()
        done = []
        self.assertIsNone(
            self.race(first, lambda mapper: done.extend(second(mapper))),
        )
        return done[0].code

    def assertPeriods(self, states):  # noqa: N802
        self.mappers[0].env.cr.rollback()
        mappings = self.mappers[0].env["g2p.spar.mapping"]
        key = self.mappers[0]._id_key(WIRE_ID)
        periods = mappings.search([("id_key", "=", key)], order="id")
        self.assertEqual(periods.mapped("state"), states)
        events = periods[0].timeline_ids.sorted("id")
        chained = events.filtered(lambda event: event.verb != "link")
        self.assertLessEqual(
            set(chained.mapped("previous_hash")), set(events.mapped("hash"))
        )
        self.assertEqual(len(set(chained.mapped("previous_hash"))), len(chained))

    def test_waiting_link(self):
        code = self.get_outcome(self.link, lambda mapper: self.link(mapper, "race-2"))
        self.assertEqual(code, oc.ALREADY_LINKED)
        self.assertPeriods(["active"])

    def test_waiting_link_of_others_as_well(self):
        """Who loses the race for one ID of a batch still links the others."""
        self.wait_for_others()
        other = WIRE_ID.replace("race", "race-other")
        items = [LinkItem(WIRE_ID, "race-2"), LinkItem(other, "race-2")]
        done = []
        self.race(self.link, lambda mapper: done.extend(mapper._link(items, ACTOR)))
        self.assertEqual([outcome.code for outcome in done], [oc.ALREADY_LINKED, oc.OK])
        self.assertPeriods(["active"])

    @mute_logger("odoo.sql_db")
    def test_link_that_loses_again_and_again(self):
        """The transaction is repeated, as after any lost race."""
        self.patch(store, "MAX_ROUNDS", 1)
        self.wait_for_others()
        fault = self.race(self.link, lambda mapper: self.link(mapper, "race-2"))
        self.assertIsInstance(fault, psycopg2.errors.SerializationFailure)
        self.assertEqual(fault.pgcode, "40001")

    def test_waiting_update(self):
        self.link(self.mappers[0])
        self.mappers[0].env.cr.commit()
        code = self.get_outcome(
            lambda mapper: self.update(mapper, "race-2"),
            lambda mapper: self.update(mapper, "race-3"),
        )
        self.assertEqual(code, oc.OK)
        self.assertPeriods(["closed", "closed", "active"])
        self.assertEqual(self.resolve(self.mappers[0]).fa, "race-3")

    def test_waiting_update_of_what_is_removed(self):
        self.link(self.mappers[0])
        self.mappers[0].env.cr.commit()
        code = self.get_outcome(
            self.remove, lambda mapper: self.update(mapper, "race-2")
        )
        self.assertEqual(code, oc.NOT_LINKED)
        self.assertPeriods(["closed"])

    def test_waiting_link_of_what_is_removed(self):
        self.link(self.mappers[0])
        self.mappers[0].env.cr.commit()
        code = self.get_outcome(self.remove, lambda mapper: self.link(mapper, "race-2"))
        self.assertEqual(code, oc.OK)
        self.assertPeriods(["closed", "active"])
        # the ledger has them in the order in which they happened
        with db_connect(get_db_name()).cursor() as cr:
            cr.execute(
                "SELECT verb, at FROM g2p_spar_mapping_event"
                " WHERE purpose = %s ORDER BY id",
                [ACTOR.purpose],
            )
            verbs, times = zip(*cr.fetchall(), strict=True)
        self.assertEqual(verbs, ("link", "unlink", "link"))
        self.assertEqual(list(times), sorted(times))

    def test_waiting_in_vain(self):
        """Somebody keeps replacing the mapping: it may be tried again."""
        self.link(self.mappers[0])
        self.mappers[0].env.cr.commit()
        self.patch(store, "MAX_ROUNDS", 2)
        self.patch(store, "lock_live", lambda env, keys: [])
        outcome = self.update(self.mappers[1], "race-2")[0]
        self.assertEqual(outcome.code, oc.RETRY)

    # ----------------------------------------------------------- while keys change

    def rekey(self, mapper):
        """Move the mapping of this test to a new key; not committed."""
        last = mapper.env["g2p.spar.mapping"].search([], limit=1, order="id desc")
        rekeying.rekey_mappings(mapper.env, last.id - 1, 1)
        return [oc.Outcome(oc.OK)]

    def start_rotation(self):
        self.link(self.mappers[0])
        self.mappers[0].env.cr.commit()
        self.addCleanup(self.forget_new_key, keyring.get_keyring().current)
        self.add_key()
        self.begin(self.mappers[0].env)
        self.forget_ring()
        old = self.mappers[0]._id_keys(WIRE_ID)
        self.assertEqual(len(old), 2)

    def test_update_waits_for_the_new_key(self):
        self.start_rotation()
        code = self.get_outcome(
            self.rekey, lambda mapper: self.update(mapper, "race-2")
        )
        self.assertEqual(code, oc.OK)
        self.assertPeriods(["closed", "active"])

    def test_link_sees_the_row_of_either_key(self):
        self.start_rotation()
        self.wait_for_others()
        self.rekey(self.mappers[0])
        self.assertEqual(
            self.link(self.mappers[1], "race-2")[0].code, oc.ALREADY_LINKED
        )
        self.mappers[0].env.cr.commit()
        self.assertEqual(
            self.link(self.mappers[1], "race-2")[0].code, oc.ALREADY_LINKED
        )
        self.mappers[1].env.cr.commit()
        self.assertPeriods(["active"])
