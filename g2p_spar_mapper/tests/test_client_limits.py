# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from datetime import timedelta

from psycopg2 import IntegrityError

from odoo import fields
from odoo.exceptions import ValidationError
from odoo.tests import Form, TransactionCase, tagged
from odoo.tools import mute_logger

from odoo.addons.g2p_spar_bank_directory.exceptions import SparSecurityError

from ..call import Call


@tagged("post_install", "-at_install")
class TestClientLimits(TransactionCase):
    """On what a client may act, when and how much."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clients = cls.env["g2p.spar.client"]
        cls.clients.search([]).state = "suspended"
        cls.client = cls.clients.create(
            {
                "name": "Bank",
                "code": "bank",
                "organisation": "Bank",
                "purpose": "Its customers",
                "state": "live",
                "may_link": True,
                "may_resolve": True,
                "credentialless": True,
                "networks": "10.1.0.0/16",
            }
        )
        cls.national = cls.env.ref("g2p_spar_mapper.id_type_national_id")
        cls.for_tests = cls.env.ref("g2p_spar_mapper.id_type_test")
        cls.bank, cls.other = cls.env["g2p.spar.fsp"].create(
            [
                {"name": code, "code": code, "country_id": cls.env.ref("base.ke").id}
                for code in ("LIMITBANK", "LIMITOTHER")
            ]
        )

    def data(self):
        return self.clients._authenticate(Call("resolve", b"", "10.1.0.1"), "bank")

    def assertRefused(self):
        with self.assertRaises(SparSecurityError):
            self.data()

    def test_live_client_never_touches_ids_for_tests(self):
        id_types = self.data().limits.id_types
        self.assertIn(self.national.id, id_types)
        self.assertNotIn(self.for_tests.id, id_types)
        self.client.id_type_ids = self.national
        self.assertEqual(self.data().limits.id_types, {self.national.id})
        self.client.id_type_ids = self.for_tests
        self.assertEqual(self.data().limits.id_types, set())

    def test_test_client_touches_only_ids_for_tests(self):
        self.client.state = "test"
        self.assertEqual(self.data().limits.id_types, {self.for_tests.id})
        self.client.id_type_ids = self.national
        self.assertEqual(self.data().limits.id_types, {self.for_tests.id})

    def test_new_id_type_is_for_live_clients_at_once(self):
        self.data()
        values = {"name": "Voter", "code": "voter", "prefix": "voter:"}
        id_type = self.env["g2p.spar.id.type"].create(values)
        self.assertIn(id_type.id, self.data().limits.id_types)
        id_type.is_test = True
        self.assertNotIn(id_type.id, self.data().limits.id_types)

    def test_providers(self):
        self.assertIsNone(self.data().limits.providers)
        self.client.write({"fsp_ids": self.bank.ids, "may_override": True})
        limits = self.data().limits
        self.assertEqual(limits.providers, {"LIMITBANK"})
        self.assertTrue(limits.may_override)
        self.bank.code = "LIMITBANK2"
        self.assertEqual(self.data().limits.providers, {"LIMITBANK2"})

    def test_archived_entries_of_a_list_still_limit(self):
        """A list that looks empty would allow everything."""
        self.client.write({"fsp_ids": self.bank.ids, "id_type_ids": self.national.ids})
        self.bank.active = False
        self.national.active = False
        self.env.registry.clear_cache()
        limits = self.data().limits
        self.assertEqual(limits.providers, {"LIMITBANK"})
        self.assertEqual(limits.id_types, {self.national.id})

    @mute_logger("odoo.sql_db")
    def test_entries_of_a_list_cannot_be_deleted(self):
        id_type = self.env["g2p.spar.id.type"].create(
            {"name": "Voter", "code": "voter", "prefix": "voter:"}
        )
        self.client.write({"fsp_ids": self.bank.ids, "id_type_ids": id_type.ids})
        for entry in (self.bank, id_type):
            with self.assertRaises(IntegrityError), self.env.cr.savepoint():
                entry.unlink()

    def test_override_is_for_those_with_a_list(self):
        with self.assertRaisesRegex(ValidationError, "Replace other providers"):
            self.client.may_override = True

    def test_validity(self):
        now = fields.Datetime.now()
        hour = timedelta(hours=1)
        for valid_from, valid_until, is_valid in (
            (False, False, True),
            (now - hour, False, True),
            (now + hour, False, False),
            (False, now + hour, True),
            (False, now - hour, False),
            (now - hour, now + hour, True),
        ):
            with self.subTest(valid_from=valid_from, valid_until=valid_until):
                self.client.write(
                    {"valid_from": valid_from, "valid_until": valid_until}
                )
                if is_valid:
                    self.data()
                else:
                    self.assertRefused()

    @mute_logger("odoo.sql_db")
    def test_constraints(self):
        for values in (
            {"request_rate": -1},
            {"item_rate": -1},
            {"valid_from": "2026-02-01", "valid_until": "2026-01-01"},
        ):
            with self.subTest(**values):
                with self.assertRaises(IntegrityError), self.env.cr.savepoint():
                    self.client.write(values)
        with self.assertRaisesRegex(ValidationError, "not an e-mail"):
            self.client.contact_email = "somebody"

    def test_summary_follows_what_is_being_entered(self):
        with Form(self.client) as form:
            for name in ("may_update", "may_see_details"):
                form[name] = True
            self.assertIn("update", form.summary)
            self.assertIn("sees account numbers", form.summary)
            form.fsp_ids.add(self.bank)
            self.assertIn("LIMITBANK", form.summary)

    def test_summary_says_what_the_client_can_do(self):
        self.client.write(
            {
                "fsp_ids": self.bank.ids,
                "may_override": True,
                "id_type_ids": self.national.ids,
                "request_rate": 60,
            }
        )
        summary = self.client.summary
        for words in (
            "Live",
            "link",
            "only whether there is an account",
            "National ID",
            "LIMITBANK",
            "consent",
            "network alone",
            "60 messages",
        ):
            self.assertIn(words, summary)
        self.client.state = "suspended"
        self.assertIn("every call is refused", self.client.summary)
        self.assertNotIn("Live", self.client.summary)
