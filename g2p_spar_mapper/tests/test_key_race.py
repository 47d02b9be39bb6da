# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import threading
from types import SimpleNamespace

import psycopg2.errors

from odoo import SUPERUSER_ID, api
from odoo.sql_db import db_connect
from odoo.tests import BaseCase, get_db_name, tagged
from odoo.tools import mute_logger

from odoo.addons.g2p_spar_bank_directory.exceptions import SparTransientError

from .. import isolation, keyring, replay
from .. import outcomes as oc
from ..call import Message
from ..keyring import WrongKeyError
from ..outcomes import Actor, LinkItem, ResolveItem
from .key_case import NEW, NEW_KEY, THIRD, KeyCase
from .race_case import forget

WIRE_ID = "token:spartest-key-race@nationalId"
OTHER_ID = "token:spartest-key-race-2@nationalId"
ACTOR = Actor("staff", SUPERUSER_ID, purpose="Key race in a test", strict=False)


@tagged("post_install", "-at_install")
class TestKeyRace(KeyCase, BaseCase):
    """One server begins with a new current key while another one still has the old."""

    def setUp(self):
        super().setUp()
        self.old = keyring.get_keyring()
        self.forget()
        self.addCleanup(self.forget)
        self.one, self.other, self.starting = (self.open() for _number in range(3))

    def open(self):
        cursor = db_connect(get_db_name()).cursor()
        self.addCleanup(cursor.close)
        return api.Environment(cursor, SUPERUSER_ID, {})

    def forget(self):
        forget(ACTOR.purpose)
        self.forget_new_key(self.old.current)

    def link(self, env, wire_id=WIRE_ID, fa="race-1"):
        return env["g2p.spar.mapper"]._link([LinkItem(wire_id, fa)], ACTOR)[0].code

    @staticmethod
    def seal(env):
        """Keep something sealed that is no mapping; not committed."""
        load = env["g2p.spar.import"].create({"name": "Key race"})
        load._add_part(0, b"id,fa")
        return load.sudo().part_ids

    def use_old(self):
        """The ring of a server that knows both keys and began before."""
        self.use_ring(self.old.current, self.both.keys)

    def start_waits_for_a_link(self, read_committed):
        if read_committed:
            isolation.read_committed(self.one.cr)
        self.assertEqual(self.link(self.one), oc.OK)
        self.both = self.add_key()
        thread = threading.Thread(target=self.begin, args=[self.starting])
        thread.start()
        thread.join(0.3)
        self.assertTrue(thread.is_alive(), "the start waits for what is being linked")
        self.one.cr.commit()
        thread.join(20)
        self.assertFalse(thread.is_alive())
        self.forget_ring()  # as the other servers are told to

    def test_one_live_mapping_of_two_current_keys(self):
        for read_committed in (True, False):
            with self.subTest(read_committed=read_committed):
                self.start_waits_for_a_link(read_committed)
                self.assertEqual(self.link(self.other, fa="race-2"), oc.ALREADY_LINKED)
                self.other.cr.commit()
                self.forget()
                self.use_old()

    @mute_logger("odoo.addons.g2p_spar_mapper.store")
    def test_the_server_with_the_old_key_writes_no_more(self):
        self.start_waits_for_a_link(read_committed=True)
        self.assertEqual(self.link(self.other, OTHER_ID), oc.OK)
        self.other.cr.commit()
        self.use_old()
        self.begin(self.starting)  # also when it begins again with its old file
        mapper = self.one["g2p.spar.mapper"]
        for verb in (mapper._link, mapper._update):
            with self.assertRaises(SparTransientError):
                verb([LinkItem(WIRE_ID, "race-3")], ACTOR)
            self.one.cr.rollback()
        # but it finds what is kept under the new one
        found = mapper._resolve([ResolveItem(OTHER_ID)], ACTOR)[0]
        self.assertEqual(found.fa, "race-1")

    def test_the_server_that_lacks_the_new_key_answers_no_more(self):
        self.start_waits_for_a_link(read_committed=True)
        self.use_ring(self.old.current, self.old.keys)
        with self.assertRaises(WrongKeyError):
            self.one["g2p.spar.mapper"]._resolve([ResolveItem(WIRE_ID)], ACTOR)

    def test_the_server_with_the_old_key_puts_messages_off_at_once(self):
        """It could not keep the answer; repeating what was done holds a worker."""
        self.both = self.add_key()
        self.begin(self.starting)
        self.use_old()
        header = SimpleNamespace(message_id="spartest-key-race")
        message = Message("unlink", header, "t-1", [], b"{}")
        client = SimpleNamespace(id=-1, strict=True, needs_signature=False)
        with self.assertRaises(SparTransientError):
            replay.claim(self.one, client, message)
        self.one.cr.rollback()
        self.use_ring(NEW, self.both.keys)
        self.assertIsInstance(replay.claim(self.one, client, message), replay.Claim)
        self.one.cr.rollback()

    def test_two_servers_begin_at_once_with_different_keys(self):
        """One is the newer: it alone can link."""
        keys = self.old.keys | {NEW: NEW_KEY, THIRD: bytes(32)}
        self.use_ring(NEW, keys)
        isolation.read_committed(self.starting.cr)
        self.starting["g2p.spar.key"]._check_ring(keyring.get_keyring())
        self.use_ring(THIRD, keys)
        isolation.read_committed(self.other.cr)
        thread = threading.Thread(target=self.begin, args=[self.other])
        thread.start()
        thread.join(0.3)
        self.assertTrue(thread.is_alive(), "one begins after the other")
        self.starting.cr.commit()
        thread.join(20)
        self.assertFalse(thread.is_alive())
        newest = self.one["g2p.spar.key"].search([("is_older", "=", False)])
        self.assertEqual(newest.mapped("key_id"), [THIRD])
        self.forget_ring()
        self.assertEqual(self.link(self.one), oc.OK)
        self.one.cr.commit()
        self.use_ring(NEW, keys)
        isolation.read_committed(self.other.cr)
        with (
            mute_logger("odoo.addons.g2p_spar_mapper.store"),
            self.assertRaises(SparTransientError),
        ):
            self.link(self.other, OTHER_ID)

    def test_two_servers_begin_at_once_with_different_keys_of_one_name(self):
        """The second one is told so; it does not go on with a key of its own."""
        self.add_key()
        isolation.read_committed(self.starting.cr)
        self.starting["g2p.spar.key"]._check_ring(keyring.get_keyring())
        other = keyring.KeyRing(NEW, self.old.keys | {NEW: bytes(32)})
        isolation.read_committed(self.other.cr)
        faults = []

        def begin():
            try:
                self.other["g2p.spar.key"]._check_ring(other)
            except WrongKeyError as err:
                faults.append(err)

        thread = threading.Thread(target=begin)
        thread.start()
        thread.join(0.3)
        self.starting.cr.commit()
        thread.join(20)
        self.assertEqual(len(faults), 1)

    def test_a_new_key_waits_for_the_chunk_of_a_rotation(self):
        """Nothing is moved to a key that is older by then, and no newer one retired."""
        self.add_key()
        self.begin(self.starting)
        self.forget_ring()
        isolation.read_committed(self.one.cr)
        self.assertTrue(self.one["g2p.spar.key"]._hold(NEW))
        self.use_ring(THIRD, keyring.get_keyring().keys | {THIRD: bytes(32)})
        isolation.read_committed(self.other.cr)
        thread = threading.Thread(target=self.begin, args=[self.other])
        thread.start()
        thread.join(0.3)
        self.assertTrue(thread.is_alive())
        self.one.cr.rollback()
        thread.join(20)
        self.assertFalse(thread.is_alive())

    @mute_logger("odoo.sql_db")
    def test_nothing_is_sealed_under_an_older_key(self):
        self.seal(self.one)
        self.both = self.add_key()
        thread = threading.Thread(target=self.begin, args=[self.starting])
        thread.start()
        thread.join(0.3)
        self.assertTrue(thread.is_alive(), "the start waits for what is being sealed")
        self.one.cr.rollback()
        thread.join(20)
        self.assertFalse(thread.is_alive())
        self.forget_ring()
        part = self.seal(self.other)
        self.use_old()
        with self.assertRaises(psycopg2.errors.ObjectNotInPrerequisiteState):
            self.seal(self.one)
        with self.assertRaises(psycopg2.errors.SerializationFailure):
            self.other.cr.execute(
                "UPDATE g2p_spar_import_part SET sealed = %s WHERE id = %s",
                [self.old.seal("anywhere", b"id,fa"), part.id],
            )
        self.other.cr.rollback()
