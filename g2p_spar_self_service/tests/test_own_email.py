# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import PortalCase

THIEF = "thief@evil.example"


@tagged("post_install", "-at_install")
class TestOwnEmail(PortalCase):
    """The mailbox of a login sets its password: a session that was left open must not
    be enough to name another one."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.contact = cls.amina.partner_id
        cls.email = cls.contact.email

    def save(self, password=None, **changed):
        """Send the form of /my/account.

        :return: Odoo's answer to the script of its page
        """
        page = self.open("/my/account")
        contact = self.contact
        values = {
            "csrf_token": page.xpath("//input[@name='csrf_token']/@value")[0],
            "partner_id": str(contact.id),
            "name": contact.name,
            "email": contact.email,
            "phone": "+255712345678",
            "street": "Kivukoni 1",
            "city": "Dar es Salaam",
            "zip": "11101",
            "country_id": str(self.env.ref("base.tz").id),
        } | changed
        if password is not None:
            values["spar_password"] = password
        answer = self.url_open("/my/address/submit", data=values)
        self.contact.invalidate_recordset()
        return answer.json()

    def test_a_new_email_needs_the_password(self):
        self.log_in(self.amina)
        for password in (None, "", "wrong", "spar_bono-password"):
            with self.subTest(password):
                answer = self.save(password, email=THIEF)
                self.assertIn("email", answer.get("invalid_fields", ()))
                self.assertIn("password", answer["messages"][0])
                self.assertEqual(self.contact.email, self.email)
                getattr(self.env.registry, "_login_failures", {}).clear()
        answer = self.save("spar_amina-password", email="new@example.org")
        self.assertIn("redirectUrl", answer)
        self.assertEqual(self.contact.email, "new@example.org")

    def test_all_else_needs_none(self):
        self.log_in(self.amina)
        self.assertTrue(
            self.open("/my/account").xpath("//input[@name='spar_password']")
        )
        self.assertIn("redirectUrl", self.save("", email=f" {self.email} "))
        self.assertEqual(self.contact.city, "Dar es Salaam")
        self.assertEqual(self.contact.email, self.email)

    def test_logins_of_nobody_are_left_alone(self):
        self.amina.spar_id = False
        self.log_in(self.amina)
        page = self.open("/my/account")
        self.assertFalse(page.xpath("//input[@name='spar_password']"))
        self.assertIn("redirectUrl", self.save(email="new@example.org"))
        self.assertEqual(self.contact.email, "new@example.org")

    def test_no_other_door(self):
        """Odoo lets everybody write the own e-mail by RPC."""
        self.log_in(self.amina)
        for context in ({}, {"spar_identity": True}):
            with mute_logger("odoo.http"):
                self.url_open(
                    "/web/dataset/call_kw/res.users/write",
                    json={
                        "params": {
                            "model": "res.users",
                            "method": "write",
                            "args": [[self.amina.id], {"email": THIEF}],
                            "kwargs": {"context": context},
                        }
                    },
                )
            self.contact.invalidate_recordset()
            self.assertEqual(self.contact.email, self.email)
