# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from unittest.mock import patch

from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, ValidationError
from odoo.tests import TransactionCase, new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.g2p_spar_bank_directory.exceptions import SparSecurityError

from ..call import Call

DIRECTORY = "g2p_spar_bank_directory"


@tagged("post_install", "-at_install")
class TestClient(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clients = cls.env["g2p.spar.client"]
        cls.clients.search([]).state = "suspended"
        cls.client = cls.clients.create(cls.values("programme"))

    @classmethod
    def values(cls, code, **values):
        return {
            "name": code,
            "code": code,
            "organisation": "Ministry",
            "purpose": "Child grant",
            "state": "live",
            "may_resolve": True,
            "credentialless": True,
            "networks": "10.1.0.0/16\n2001:db8::/64",
        } | values

    def authenticate(self, sender_id, address):
        call = Call("resolve", b"", address)
        return self.clients._authenticate(call, sender_id)

    def assertUnknown(self, sender_id, address, code="err.sender_id.invalid"):
        with self.assertRaises(SparSecurityError) as caught:
            self.authenticate(sender_id, address)
        self.assertEqual(caught.exception.code, code)

    # --- who is calling ---------------------------------------------------------------

    def test_known_by_sender_and_network(self):
        client = self.authenticate("programme", "10.1.2.3")
        self.assertEqual(client.id, self.client.id)
        self.assertEqual(client.purpose, "Child grant")
        self.assertEqual(client.verbs, {"resolve"})
        self.assertFalse(client.details or client.resolve_by_fa or client.strict)
        self.assertEqual(client.item_limit, 10_000)
        for address in ("2001:db8::5", "::ffff:10.1.2.3"):
            with self.subTest(address=address):
                self.authenticate("programme", address)

    def test_unknown_sender_or_network(self):
        for sender_id, address in (
            ("programme", "10.2.0.1"),
            ("programme", "2001:db8:0:1::1"),
            ("programme", ""),
            ("programme", None),
            ("programme", "not an address"),
            ("Programme", "10.1.2.3"),
            ("other", "10.1.2.3"),
        ):
            with self.subTest(sender_id=sender_id, address=address):
                self.assertUnknown(sender_id, address)

    def test_empty_sender_only_when_one_client_fits(self):
        self.assertEqual(self.authenticate("", "10.1.2.3").id, self.client.id)
        self.clients.create(self.values("second", networks="10.1.2.0/24"))
        self.assertUnknown("", "10.1.2.3")
        self.assertEqual(self.authenticate("", "10.1.3.3").id, self.client.id)

    def test_change_works_at_once_and_costs_no_query(self):
        self.authenticate("programme", "10.1.2.3")
        with self.assertQueryCount(0):
            self.authenticate("programme", "10.1.2.3")
        self.client.may_link = True
        client = self.authenticate("programme", "10.1.2.3")
        self.assertEqual(client.verbs, {"link", "resolve"})
        self.client.state = "suspended"
        self.assertUnknown("programme", "10.1.2.3")
        self.client.write({"state": "live", "credentialless": False})
        self.assertUnknown("programme", "10.1.2.3", "err.request.unauthorized")
        self.client.credentialless = True
        self.authenticate("programme", "10.1.2.3")
        self.client.unlink()
        self.assertUnknown("programme", "10.1.2.3")

    def test_change_while_another_thread_reads(self):
        """What a thread has read before a change is not kept after it."""
        registry, clients = self.env.registry, type(self.clients)
        prepare = clients._prepare_data

        def suspend_meanwhile(client):
            data = prepare(client)
            self.env.cr.execute("UPDATE g2p_spar_client SET state = 'suspended'")
            # what Registry.check_signaling() does in the thread of another call
            registry.clear_cache()
            registry.cache_sequences["default"] += 1
            return data

        registry.clear_cache()
        self.patch(registry, "cache_sequences", dict(registry.cache_sequences))
        with patch.object(clients, "_prepare_data", suspend_meanwhile):
            self.authenticate("programme", "10.1.2.3")
        self.clients.invalidate_model()
        self.assertUnknown("programme", "10.1.2.3")

    def test_test_clients_may_call(self):
        self.client.state = "test"
        self.authenticate("programme", "10.1.2.3")

    # --- what may be entered ----------------------------------------------------------

    def test_networks_name_the_faulty_line(self):
        for line in ("10.0.0.1/8", "10.0.0.0/33", "example.org", "10.0.0", "::/129"):
            with self.subTest(line=line):
                with self.assertRaisesRegex(ValidationError, "line 3"):
                    self.client.networks = f"10.0.0.0/8\n\n{line}"

    def test_no_credentials_need_networks(self):
        for networks in (False, "", " \n", "0.0.0.0/0", "10.0.0.0/8\n::/0"):
            with self.subTest(networks=networks):
                with self.assertRaises(ValidationError):
                    self.client.networks = networks
        self.client.write({"credentialless": False, "networks": False})
        with self.assertRaises(ValidationError):
            self.client.credentialless = True

    @mute_logger("odoo.sql_db")
    def test_constraints(self):
        for values in (
            self.values("programme"),
            self.values("limit", item_limit=0),
        ):
            with self.subTest(code=values["code"]):
                with self.assertRaises(IntegrityError), self.env.cr.savepoint():
                    self.clients.create(values)
        for name in ("name", "code", "organisation", "purpose"):
            with self.subTest(name=name):
                with self.assertRaises(IntegrityError), self.env.cr.savepoint():
                    self.clients.create(self.values("other") | {name: False})
        for code in (" programme", "a\nb"):
            with self.subTest(code=code), self.assertRaises(ValidationError):
                self.clients.create(self.values(code))

    def test_copy(self):
        """As a start for a similar client: with its rights, in test."""
        self.client.action_new_secret()
        copy = self.client.copy()
        self.assertEqual((copy.code, copy.state), ("programme-copy", "test"))
        self.assertEqual(copy.name, "programme (copy)")
        self.assertTrue(copy.may_resolve and copy.networks)
        self.assertFalse(copy.secret_ids or copy.key_ids or copy.credentialless)
        self.authenticate("", "10.1.2.3")
        named = self.client.copy({"code": "other", "name": "Other"})
        self.assertEqual((named.code, named.name), ("other", "Other"))

    def test_changes_of_rights_are_tracked(self):
        self.env.cr.flush()
        self.client.write({"may_link": True, "networks": "10.9.0.0/16"})
        self.env.cr.flush()
        tracked = self.client.message_ids.tracking_value_ids.field_id
        self.assertEqual(set(tracked.mapped("name")), {"may_link", "networks"})

    # --- who may see clients ----------------------------------------------------------

    def test_administrator_only(self):
        administrator = new_test_user(
            self.env, "client_admin", f"{DIRECTORY}.group_spar_administrator"
        )
        client = self.client.with_user(administrator)
        client.may_update = True
        self.assertTrue(client.create(self.values("created")).unlink())

        for group in (
            f"{DIRECTORY}.group_spar_user",
            f"{DIRECTORY}.group_spar_steward",
            "g2p_spar_mapper.group_spar_officer",
            "g2p_spar_mapper.group_spar_auditor",
            "base.group_user",
            "base.group_portal",
        ):
            user = new_test_user(self.env, f"client_{group.split('.')[1]}", group)
            client = self.client.with_user(user)
            for refused in (
                lambda client=client: client.read(["code"]),
                lambda client=client: client.write({"state": "live"}),
                lambda client=client: client.create(self.values("mine")),
                lambda client=client: client.unlink(),
                lambda client=client: client.search([]),
            ):
                with self.subTest(group=group), self.assertRaises(AccessError):
                    refused()
