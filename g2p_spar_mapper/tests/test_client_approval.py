# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from lxml import etree

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import TransactionCase, new_test_user, tagged
from odoo.tools.safe_eval import safe_eval

ADMINISTRATOR = "g2p_spar_bank_directory.group_spar_administrator"


@tagged("post_install", "-at_install")
class TestClientApproval(TransactionCase):
    """Four eyes."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.first, cls.second = (
            new_test_user(cls.env, f"approval_{name}", ADMINISTRATOR)
            for name in ("first", "second")
        )
        cls.national = cls.env.ref("g2p_spar_mapper.id_type_national_id")
        cls.programme = cls.env.ref("g2p_spar_mapper.id_type_programme_id")
        cls.fsp = cls.env["g2p.spar.fsp"].create(
            {
                "name": "Approval Bank",
                "code": "APPROVAL",
                "country_id": cls.env.ref("base.ke").id,
            }
        )
        cls.client = cls.env["g2p.spar.client"].create(
            cls.values("programme", state="live")
        )

    @classmethod
    def values(cls, code, **values):
        return {
            "name": code,
            "code": code,
            "organisation": "Ministry",
            "purpose": "Child grant",
            "may_resolve": True,
            "id_type_ids": cls.national.ids,
            "networks": "10.0.0.0/8",
            "request_rate": 100,
            "item_limit": 500,
            "credentials": "both",
            "profile": "strict",
            "valid_until": "2036-01-01",
            "callback_url": "https://a.example.org/",
            "callback_allowed": "https://a.example.org/\nhttps://b.example.org/",
        } | values

    def own(self, user, client=None):
        return (client or self.client).with_user(user)

    def test_wider_rights_of_a_live_client_wait(self):
        for values in (
            {"may_link": True},
            {"may_see_details": True},
            {"credentialless": True},
            {"id_type_ids": [Command.link(self.programme.id)]},
            {"id_type_ids": [Command.clear()]},
            {"id_type_ids": [Command.set(self.programme.ids)]},
            {"networks": "10.0.0.0/8\n192.0.2.0/24"},
            {"networks": "0.0.0.0/0"},
            {"networks": False},
            {"request_rate": 101},
            {"request_rate": 0},
            {"item_limit": 501},
            {"credentials": "token"},
            {"profile": "compat"},
            {"valid_until": False},
            {"valid_until": "2036-01-02"},
            {"callback_url": "https://b.example.org/"},
            {"callback_allowed": "https://c.example.org/"},
        ):
            with self.subTest(values=values):
                client = self.own(self.first)
                before = client.read([*values])
                client.write(values)
                self.assertEqual(client.read([*values]), before)
                self.assertEqual(set(client.requested), set(values))
                self.assertTrue(client.requested_text)
                with self.assertRaisesRegex(UserError, "another administrator"):
                    client.action_approve()
                self.own(self.second).action_approve()
                self.assertNotEqual(client.read([*values]), before)
                self.assertFalse(client.requested or client.requested_by_id)
                self.client.write(self.values("programme", credentialless=False))

    def test_narrower_rights_work_at_once(self):
        self.client.write({"may_link": True, "fsp_ids": False})
        client = self.own(self.first)
        for values in (
            {"may_link": False},
            {"id_type_ids": [Command.set(self.national.ids)]},
            {"fsp_ids": [Command.set(self.fsp.ids)]},
            {"networks": "10.1.0.0/16"},
            {"request_rate": 50},
            {"item_rate": 100},
            {"item_limit": 100},
            {"valid_until": "2035-01-01"},
            {"purpose": "Child grants"},
            {"callback_url": False},
            {"callback_allowed": "https://b.example.org/"},
            {"state": "suspended"},
        ):
            with self.subTest(values=values):
                client.write(values)
                self.assertFalse(client.requested)
        self.assertEqual(client.item_limit, 100)

    def test_part_that_waits_does_not_hold_the_rest(self):
        client = self.own(self.first)
        client.write({"may_link": True, "purpose": "Another", "item_limit": 10})
        self.assertEqual((client.purpose, client.item_limit), ("Another", 10))
        self.assertEqual(client.requested, {"may_link": True})
        self.assertFalse(client.may_link)

    def test_going_live(self):
        client = self.env["g2p.spar.client"].with_user(self.first)
        client = client.create(self.values("new", state="live"))
        self.assertEqual(client.state, "test")
        self.assertEqual(client.requested, {"state": "live"})
        client.may_link = True  # in test, so at once; but it is another client now
        self.assertTrue(client.may_link)
        self.assertFalse(client.requested)
        client.state = "live"
        self.own(self.second, client).action_approve()
        self.assertEqual(client.state, "live")
        client.state = "suspended"
        client.state = "live"
        self.assertEqual(client.state, "suspended")
        self.own(self.second, client).action_approve()
        self.assertEqual(client.state, "live")

    def test_refusing_and_taking_back(self):
        for user in (self.first, self.second):
            self.own(self.first).may_link = True
            self.own(user).action_refuse()
            self.assertFalse(self.client.requested or self.client.may_link)
        with self.assertRaises(UserError):
            self.own(self.second).action_approve()

    def test_nobody_approves_the_own_part_of_a_request(self):
        self.own(self.first).may_link = True
        self.own(self.first).may_update = True
        self.assertEqual(set(self.client.requested), {"may_link", "may_update"})
        with self.assertRaisesRegex(UserError, "already"):
            self.own(self.second).may_unlink = True
        for values in (
            {"requested_by_id": self.second.id},
            {"requested": {"may_unlink": True}},
        ):
            with self.assertRaises(AccessError):
                self.own(self.first).write(values)
            with self.assertRaises(AccessError):
                self.own(self.first).create(self.values("x", **values))

    def test_defaults_of_the_context_approve_nothing(self):
        client = self.own(self.first).with_context(
            default_state="live",
            default_requested={"state": "live"},
            default_requested_by_id=self.second.id,
        )
        client = client.create(self.values("x"))
        self.assertEqual(client.state, "test")
        self.assertFalse(client.requested or client.requested_by_id)

    def test_approval_is_for_what_was_looked_at(self):
        self.own(self.first).may_link = True
        seen = self.as_shown()
        self.own(self.first).may_update = True
        with self.assertRaisesRegex(UserError, "changed"):
            seen.action_approve()
        self.as_shown().action_approve()
        self.assertTrue(self.client.may_link and self.client.may_update)

    def test_approval_is_for_the_client_that_was_looked_at(self):
        """Who asks to go live changes the client and asks the same once more."""
        client = self.env["g2p.spar.client"].with_user(self.first)
        client = client.create(self.values("new", state="live"))
        seen = self.as_shown(client)
        client.write({"may_see_details": True, "networks": False})
        client.state = "live"
        self.assertEqual(client.requested, {"state": "live"})
        with self.assertRaisesRegex(UserError, "changed"):
            seen.action_approve()
        self.assertEqual(client.state, "test")
        self.as_shown(client).action_approve()
        self.assertEqual(client.state, "live")

    def test_what_was_taken_away_meanwhile_is_not_given_back(self):
        """The approval is for a client that nobody had stopped or limited since."""
        client = self.own(self.first)
        for wider, narrower in (
            ({"item_limit": 900}, {"item_limit": 10}),
            ({"valid_until": "2037-01-01"}, {"valid_until": "2035-01-01"}),
            ({"networks": "0.0.0.0/0"}, {"networks": "10.1.0.0/16"}),
            (
                {"id_type_ids": [Command.clear()]},
                {"id_type_ids": [Command.set(self.national.ids)]},
            ),
        ):
            with self.subTest(narrower):
                client.write(wider)
                seen = self.as_shown()
                self.own(self.second).write(narrower)
                with self.assertRaises(UserError):
                    seen.action_approve()
                self.assertFalse(client.requested)
        client.write({"may_link": True, "item_limit": 900})
        client.write({"purpose": "Grants", "request_rate": 1})  # was not asked for
        self.as_shown().action_approve()
        self.assertEqual((client.item_limit, client.request_rate), (900, 1))

    def test_a_client_that_was_suspended_meanwhile_stays_so(self):
        for state in "suspended", "test":
            client = self.env["g2p.spar.client"].with_user(self.first)
            client = client.create(self.values(state, state="live"))
            seen = self.as_shown(client)
            self.own(self.second, client).state = state
            with self.assertRaises(UserError):
                seen.action_approve()
            self.assertEqual(client.state, state)

    def test_what_is_asked_for_was_deleted_meanwhile(self):
        """The form still opens; an empty list would mean all."""
        values = {"name": "Brief", "code": "brief"}
        id_type = self.national.create(values | {"prefix": "brief:"})
        for name, kept, entry in (
            ("fsp_ids", self.fsp, self.fsp.create(values)),
            ("id_type_ids", self.national, id_type),
        ):
            self.client[name] = kept
            self.own(self.first).write({name: [Command.set(entry.ids)]})
            entry.unlink()
            seen = self.as_shown()
            self.assertIn("deleted", str(seen.requested_text))
            with self.subTest(name), self.assertRaisesRegex(UserError, "deleted"):
                seen.action_approve()
            self.assertEqual(self.client[name], kept)
            seen.action_refuse()

    def as_shown(self, client=None):
        """The client as the form of the second administrator approves it."""
        client = self.own(self.second, client)
        arch = etree.fromstring(client.get_view(view_type="form")["arch"])
        (button,) = arch.xpath("//button[@name='action_approve']")
        context = safe_eval(button.get("context"), client.read()[0])
        return client.with_context(**context)

    def test_times_are_shown_as_the_form_shows_them(self):
        """In the zone of who approves, named: the chatter has the asker's text."""
        self.second.tz = "Asia/Kolkata"
        self.own(self.first).valid_until = "2036-12-31 20:00:00"
        self.env.invalidate_all()  # another request
        shown = str(self.own(self.second).requested_text)
        self.assertIn("1 January 2037, 01:30 GMT+05:30", shown)
        self.assertNotIn("20:00", shown)
        self.own(self.second).action_refuse()
        self.own(self.first).valid_until = False
        self.assertIn("no limit", str(self.own(self.second).requested_text))

    def test_lists_are_not_edited_from_here(self):
        with self.assertRaises(UserError):
            self.own(self.first).write(
                {"fsp_ids": [Command.create({"name": "x", "code": "x"})]}
            )
