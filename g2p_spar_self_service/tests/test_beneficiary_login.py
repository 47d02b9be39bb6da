# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from .common import AMINA, SelfServiceCase

NEW_ID = "token:test-chloe-0003@nationalId"


@tagged("post_install", "-at_install")
class TestBeneficiaryLogin(SelfServiceCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.officer = new_test_user(
            cls.env, login="spar_off", groups="g2p_spar_mapper.group_spar_officer"
        )
        cls.administrator = new_test_user(
            cls.env,
            login="spar_adm",
            groups="g2p_spar_bank_directory.group_spar_administrator",
        )

    def wizard(self, user, **values):
        return self.env["g2p.spar.beneficiary.login"].with_user(user).create(values)

    def invite(self, user, **values):
        values = {
            "name": "Chloe Test",
            "email": "Spar-Test-Chloe@Example.org",
            "beneficiary_id": NEW_ID,
            **values,
        }
        return self.wizard(user, **values).action_invite()

    def test_invite(self):
        self.invite(self.officer)
        user = self.env["res.users"].search(
            [("login", "=", "spar-test-chloe@example.org")]
        )
        self.assertEqual(user.spar_id, NEW_ID)
        self.assertTrue(user._is_portal())
        self.assertTrue(user.has_spar_id)
        mail = self.env["mail.mail"].sudo().search([], order="id desc", limit=1)
        self.assertIn("spar-test-chloe@example.org", mail.email_to or user.email)
        log = " ".join(user.partner_id.message_ids.mapped("body"))
        self.assertIn("linked to this contact", log)
        self.assertNotIn("0003", log)

    def test_invite_spelling_of_the_id_does_not_matter(self):
        self.invite(self.officer, beneficiary_id=" TOKEN:test-chloe-0003@NationalID ")
        user = self.env["res.users"].search(
            [("login", "=", "spar-test-chloe@example.org")]
        )
        self.assertEqual(user.spar_id, NEW_ID)

    def test_invite_refuses(self):
        for values in (
            {"name": " "},
            {"email": "no address"},
            {"email": False},
            {"beneficiary_id": ""},
            {"beneficiary_id": "two\nlines"},
            {"beneficiary_id": AMINA},
            {"email": self.amina.login + "@example.org", "beneficiary_id": "x" * 999},
        ):
            with self.subTest(**values), self.assertRaises(UserError):
                self.invite(self.officer, **values)
        self.assertFalse(
            self.env["res.users"].search(
                [("login", "=", "spar-test-chloe@example.org")]
            )
        )

    def test_no_invitation_leaves_before_the_id_is_checked(self):
        invitation = type(self.env["portal.wizard.user"])
        for wire_id in (AMINA, "two\nlines"):
            with (
                self.subTest(wire_id),
                patch.object(invitation, "_send_email") as send,
                self.assertRaises(UserError),
            ):
                self.invite(self.officer, beneficiary_id=wire_id)
            send.assert_not_called()

    def test_an_invitation_that_waits_is_read_by_nobody(self):
        """Its link sets the password of the login."""
        auditor, clerk = (
            new_test_user(self.env, login=login, groups=groups)
            for login, groups in (
                ("spar_aud", "g2p_spar_mapper.group_spar_auditor"),
                ("spar_clerk", "base.group_user,base.group_partner_manager"),
            )
        )
        with patch.object(type(self.env["mail.mail"]), "send"):
            action = self.invite(self.officer)
            user = self.env["res.users"].search(
                [("login", "=", "spar-test-chloe@example.org")]
            )
            again = self.env["portal.wizard"].with_user(clerk)
            again = again.create({"partner_ids": user.partner_id.ids})
            again.user_ids.action_invite_again()
        self.assertEqual(action["params"]["type"], "warning")
        self.assertIn("could not be sent", action["params"]["message"])
        about = [("model", "=", "res.users"), ("res_id", "=", user.id)]
        waiting = self.env["mail.mail"].sudo().search(about)
        self.assertEqual(len(waiting), 2)
        self.assertIn("token=", waiting[0].body_html)
        for reader in auditor, clerk, self.officer, self.administrator:
            messages = self.env["mail.message"].with_user(reader)
            with self.subTest(reader=reader.login):
                self.assertFalse(messages.search(about))
                for mail in waiting:
                    with self.assertRaises(AccessError):
                        messages.browse(mail.mail_message_id.id).read(["body"])

    def test_an_invitation_that_left_is_called_so(self):
        mails = type(self.env["mail.mail"])
        with patch.object(mails, "send", lambda mail, **_: mail.unlink()):
            action = self.invite(self.officer)
        self.assertEqual(action["params"]["type"], "success")
        self.assertIn("was invited", action["params"]["message"])

    def test_invite_existing_login(self):
        self.invite(self.officer)
        with self.assertRaisesRegex(UserError, "already"):
            self.invite(self.officer, beneficiary_id="token:other-4@nationalId")

    def test_typed_id_does_not_stay_in_the_wizard(self):
        wizard = self.wizard(
            self.officer,
            name="Chloe Test",
            email="spar-test-chloe@example.org",
            beneficiary_id=NEW_ID,
        )
        wizard.action_invite()
        self.assertFalse(wizard.beneficiary_id)

    def test_one_does_not_read_anothers_entry(self):
        wizard = self.wizard(self.officer, beneficiary_id=NEW_ID)
        theirs = wizard.with_user(self.administrator)
        self.env.invalidate_all()
        with self.assertRaises(AccessError):
            theirs.read(["beneficiary_id"])
        self.assertFalse(theirs.search([("id", "=", wizard.id)]))

    def test_what_cannot_be_stored_names_the_field(self):
        with self.assertRaisesRegex(UserError, "“Beneficiary ID”"):
            self.wizard(self.officer, beneficiary_id="token:\0@nationalId")

    def test_officer_links_but_does_not_replace(self):
        nobody = self.new_person("spar_nobody")
        self.wizard(self.officer, user_id=nobody.id, beneficiary_id=NEW_ID).action_set()
        self.assertEqual(nobody.spar_id, NEW_ID)
        with self.assertRaises(AccessError):
            self.wizard(
                self.officer, user_id=nobody.id, beneficiary_id="token:d-4@nationalId"
            ).action_set()
        self.wizard(self.administrator, user_id=nobody.id).action_set()
        self.assertFalse(nobody.spar_id)
        log = " ".join(nobody.partner_id.message_ids.mapped("body"))
        self.assertIn("was removed", log)

    def test_staff_logins_stand_for_nobody(self):
        """Nobody gives the own staff login the power over a person's account."""
        with self.assertRaisesRegex(UserError, "Only portal logins"):
            self.wizard(
                self.officer, user_id=self.officer.id, beneficiary_id=NEW_ID
            ).action_set()

    def test_new_id_ends_what_was_being_typed(self):
        draft = self.env["g2p.spar.account.draft"]._start(self.amina)
        self.wizard(
            self.administrator, user_id=self.amina.id, beneficiary_id=NEW_ID
        ).action_set()
        self.assertFalse(draft.exists())

    def test_others_may_not(self):
        steward = new_test_user(
            self.env,
            login="spar_stew",
            groups="g2p_spar_bank_directory.group_spar_steward",
        )
        for user in (steward, self.amina):
            with self.assertRaises(AccessError):
                self.wizard(user, beneficiary_id=NEW_ID)
        # Even a wizard that somebody else has opened does not help.
        wizard = self.wizard(self.officer, beneficiary_id=NEW_ID)
        for method in ("action_invite", "action_set"):
            with self.assertRaises(AccessError):
                getattr(wizard.sudo().with_user(steward).sudo(), method)()
