# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Whose account it is comes from the session; whatever a request names is ignored."""

from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.g2p_spar_mapper.outcomes import Actor

from .common import AMINA, BONO, CHANGE, HOME, PortalCase


@tagged("post_install", "-at_install")
class TestOtherPeople(PortalCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.link(BONO, "555566667777")
        cls.bonos_change = cls.env["g2p.spar.change"]._submit(
            BONO,
            "set",
            cls.bank_address("555566668888"),
            holder_name="Bono",
            actor=Actor("portal", user_id=cls.bono.id),
        )
        mapping = cls.env["g2p.spar.mapping"].search([("state", "=", "active")])[-1:]
        cls.claims = {
            "spar_id": BONO,
            "wire_id": BONO,
            "id": cls.bono.id,
            "uid": cls.bono.id,
            "user_id": cls.bono.id,
            "partner_id": cls.bono.partner_id.id,
            "login": cls.bono.login,
            "mapping_id": mapping.id,
            "change_id": cls.bonos_change.id,
            "reference": cls.bonos_change.reference,
            "sudo": 1,
        }

    def setUp(self):
        super().setUp()
        self.log_in(self.amina)

    def _assert_nothing_of_bono(self):
        for secret in ("7777", "8888", self.bonos_change.reference, "bono"):
            self.assertNotIn(secret, self.words())

    def test_reading_pages(self):
        for path in (HOME, f"{HOME}/history", CHANGE, f"{HOME}/remove"):
            self.load(self.url_open(path, params=self.claims))
            self._assert_nothing_of_bono()
        state = self.url_open(f"{HOME}/state", params=self.claims).json()
        self.assertEqual(state["situation"], "none")

    def test_confirming_for_somebody_else(self):
        self.to_review("999900001111")
        self.confirm(self.amina, **self.claims)
        self.assertEqual(self.changes(BONO), self.bonos_change)
        own = self.changes(AMINA)
        self.assertEqual(len(own), 1)
        own._job_apply()
        self.assertEqual(self.resolve(BONO).masked, "•••• 7777")

    def test_removing_for_somebody_else(self):
        self.link(AMINA)
        self.open(f"{HOME}/remove")
        self.submit(
            {"password": "spar_amina-password", **self.claims}, button="confirm-remove"
        )
        self.changes(AMINA)._job_apply()
        self.assertEqual(self.resolve(BONO).code, "ok")
        self.assertEqual(self.resolve(AMINA).code, "not_linked")

    def test_receipt_of_somebody_else_does_not_exist(self):
        theirs = self.bonos_change.reference
        for path in ("", "/state"):
            answers = []
            for reference in (theirs, "C-XXXXX-XXXXX"):
                self.open(f"{HOME}/receipt/{reference}{path}", 404)
                answers.append(self.words())
            self.assertEqual(*answers)
            self._assert_nothing_of_bono()

    def test_cancelling_for_somebody_else(self):
        self.to_review()
        self.confirm(self.amina)
        token = self.page.xpath("//input[@name='csrf_token']/@value")[0]
        response = self.url_open(
            f"{HOME}/receipt/{self.bonos_change.reference}/cancel",
            data={"csrf_token": token, **self.claims},
        )
        self.assertEqual(response.status_code, 404)
        self.assertEqual(self.bonos_change.state, "queued")

    def test_draft_of_somebody_else(self):
        self.to_review("999900001111")
        self.log_in(self.bono)
        self.open(f"{CHANGE}/review")
        self.assertEqual(self.path, CHANGE, "bono has not begun anything")
        self.assertNotIn("1111", self.words())

    def test_token_of_somebody_else(self):
        self.to_review("999900001111")
        token = self.page.xpath("//input[@name='token']/@value")[0]
        self.log_in(self.bono)
        self.to_review("222233334444")
        self.confirm(self.bono, token=token)
        self.assertEqual(self.changes(BONO), self.bonos_change)
        self.assertFalse(self.changes(AMINA))

    def test_login_without_id(self):
        nobody = self.new_person("spar_nobody")
        self.log_in(nobody)
        for path in (HOME, CHANGE, f"{CHANGE}/review", f"{HOME}/state"):
            self.load(self.url_open(path, params=self.claims), 403)
            self.assertTrue(self.find("no-id"), path)
        self.open("/my")
        self.assertFalse(self.find("payment-account-card"))

    def test_staff_without_id(self):
        new_test_user(
            self.env,
            login="spar_clerk",
            password="spar_clerk-password",
            groups="g2p_spar_bank_directory.group_spar_administrator",
        )
        self.authenticate("spar_clerk", "spar_clerk-password")
        self.open(HOME, 403)
        self.assertTrue(self.find("no-id"))

    def test_nobody_logged_in(self):
        self.authenticate(None, None)
        for path in (HOME, CHANGE, f"{HOME}/receipt/{self.bonos_change.reference}"):
            self.open(path)
            self.assertEqual(self.path, "/web/login")

    def test_form_of_another_site(self):
        self.to_review()
        with self.assertLogs("odoo.http", "WARNING"):
            response = self.url_open(
                f"{CHANGE}/review",
                data={"consent": "yes", "password": "spar_amina-password"},
            )
        self.assertEqual(response.status_code, 400)
        self.assertFalse(self.changes(AMINA))

    def test_own_login_can_not_be_pointed_elsewhere(self):
        """No door of the portal writes the ID of a login."""
        token = self.open(CHANGE).xpath("//input[@name='csrf_token']/@value")[0]
        self.url_open("/my/address/submit", data={"csrf_token": token, "spar_id": BONO})
        with mute_logger("odoo.http"):
            answer = self.url_open(
                "/web/dataset/call_kw/res.users/write",
                json={
                    "params": {
                        "model": "res.users",
                        "method": "write",
                        "args": [[self.amina.id], {"spar_id": BONO}],
                        "kwargs": {},
                    }
                },
            ).json()
        self.assertIn("error", answer)
        self.amina.invalidate_recordset()
        self.assertEqual(self.amina.spar_id, AMINA)
