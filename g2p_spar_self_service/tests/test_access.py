# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""A portal login has no right on any model of the suite; the pages act for it."""

from unittest.mock import patch

import psycopg2

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import new_test_user, tagged
from odoo.tools import SQL, mute_logger

from odoo.addons.g2p_spar_bank_directory.exceptions import SparSecurityError

from ..models.res_partner import IDENTITY, PROVED
from .common import AMINA, BONO, NUMBER, SelfServiceCase

OPERATIONS = ("read", "write", "create", "unlink")
ADMINISTRATOR = "g2p_spar_bank_directory.group_spar_administrator"


@tagged("post_install", "-at_install")
class TestAccess(SelfServiceCase):
    def test_portal_has_no_right_on_any_model_of_the_suite(self):
        models = [name for name in self.env.registry if name.startswith("g2p.spar.")]
        self.assertIn("g2p.spar.mapping", models)
        for name in models:
            model = self.env[name].with_user(self.amina)
            for operation in OPERATIONS:
                self.assertFalse(model.has_access(operation), f"{name}: {operation}")

    def test_nobody_has_a_right_on_drafts(self):
        draft = self.env["g2p.spar.account.draft"]._start(self.amina)
        administrator = new_test_user(
            self.env, login="spar_boss", groups=f"{ADMINISTRATOR},base.group_system"
        )
        for user in (self.amina, administrator):
            with self.assertRaises(AccessError):
                draft.with_user(user).read(["user_id"])

    def test_id_of_a_login_is_hidden(self):
        officer = new_test_user(
            self.env, login="spar_off", groups="g2p_spar_mapper.group_spar_officer"
        )
        for user in (self.amina, officer):
            with self.assertRaises(AccessError):
                self.amina.with_user(user).read(["spar_id"])
            with self.assertRaises(AccessError):
                self.amina.with_user(user).write({"spar_id": BONO})
            with self.assertRaises(AccessError):
                self.env["res.users"].with_user(user).search([("spar_id", "=", AMINA)])
        shown = self.amina.with_user(officer).spar_id_masked
        self.assertTrue(shown)
        self.assertNotIn("amina", shown)
        with self.assertRaises(AccessError):
            self.amina.with_user(self.bono).read(["spar_id_masked"])

    def test_tables_hold_no_id_and_no_answer(self):
        draft = self.env["g2p.spar.account.draft"]._start(self.amina)
        draft._choose_kind(self.bank_type.id)
        draft._choose_provider(self.bank.id)
        draft._choose_branch(self.branch.id)
        draft._type_answers({"account_number": NUMBER, "account_number_again": NUMBER})
        login = self.env["g2p.spar.beneficiary.login"].create({"beneficiary_id": AMINA})
        self.env.flush_all()
        for record in (self.amina, draft, login):
            rows = self.env.execute_query(
                SQL(
                    "SELECT row_to_json(t)::text FROM %s t WHERE id = %s",
                    SQL.identifier(record._table),
                    record.id,
                )
            )
            for secret in (AMINA, "amina-0001", NUMBER):
                self.assertNotIn(secret, str(rows))
        self.env.invalidate_all()
        self.assertEqual(self.amina.spar_id, AMINA)
        self.assertEqual(draft.answers, {"account_number": NUMBER})

    def test_email_of_a_login_is_for_administrators_and_the_person(self):
        """Whoever gets the mails of a login sets its password."""
        clerk, officer, administrator = (
            new_test_user(
                self.env,
                login=f"spar_mails_{number}",
                groups=f"{group},base.group_partner_manager",
            )
            for number, group in enumerate(
                (
                    "base.group_user",
                    "g2p_spar_mapper.group_spar_officer",
                    ADMINISTRATOR,
                )
            )
        )
        contact = self.amina.partner_id
        email = contact.email
        stranger = self.env["res.partner"].create({"name": "Somebody else"})
        for user in (clerk, officer, self.bono, self.amina):
            for contacts in (
                contact.with_user(user),
                contact.with_user(user).sudo(),
                (contact + stranger).with_user(user),
            ):
                with self.subTest(user.login), self.assertRaises(AccessError):
                    contacts.write({"email": "mine@evil.example"})
        with self.assertRaises(AccessError):
            self.invite_again(clerk, "mine@evil.example")
        self.amina.active = False
        with self.assertRaises(AccessError):
            contact.with_user(clerk).email = False
        self.amina.active = True
        contact.with_user(clerk).write({"email": email, "phone": "+255712345678"})
        stranger.with_user(clerk).email = "somebody@example.org"
        self.assertEqual((contact.email, contact.phone), (email, "+255712345678"))
        proof = {IDENTITY: PROVED}
        for user, context in ((administrator, {}), (self.amina, proof)):
            # sudo: as the portal writes for whoever has logged in
            contacts = contact.with_user(user).with_context(**context).sudo()
            contacts.email = f"{user.login}@example.org"
            self.assertEqual(contact.email, f"{user.login}@example.org")
            self.assertIn("e-mail", contact.message_ids[0].body)
            contact.message_ids[0].sudo().unlink()
        contact.with_user(administrator).email = "amina@example.org"

    def invite_again(self, user, email):
        """What Odoo's dialog “Grant portal access” does."""
        wizard = self.env["portal.wizard"].with_user(user)
        wizard = wizard.create({"partner_ids": self.amina.partner_id.ids})
        wizard.user_ids.email = email
        wizard.user_ids.action_invite_again()

    def test_link_that_sets_a_password_is_for_administrators_and_the_person(self):
        """Odoo shows it to who may edit the contact, in every template that has it."""
        clerk, administrator = (
            new_test_user(
                self.env,
                login=f"spar_links_{group.split('.')[0]}",
                groups=f"{group},base.group_partner_manager",
            )
            for group in ("base.group_user", ADMINISTRATOR)
        )
        template = self.env.ref("auth_signup.portal_set_password_email")
        self.amina.partner_id.signup_prepare(signup_type="reset")
        log = "odoo.addons.mail.models.mail_render_mixin"
        with self.assertRaises(UserError), mute_logger(log):
            template.with_user(clerk).send_mail(
                self.amina.id, email_values={"email_to": "mine@evil.example"}
            )
        contact = self.amina.partner_id
        with self.assertRaises(AccessError):
            contact.with_user(clerk)._get_signup_url()
        for user in administrator, self.amina:
            self.assertIn("token=", contact.with_user(user)._get_signup_url())
        # a page that sends the link to the person herself
        nobody = self.env["res.users"].with_user(self.env.ref("base.public_user"))
        nobody.sudo().reset_password(self.amina.login)
        self.invite_again(clerk, contact.email)

    def test_who_manages_logins_sends_the_link_without_seeing_it(self):
        """A password is reset by Odoo's button, too: the e-mail goes to the person."""
        manager, clerk = (
            new_test_user(
                self.env,
                login=f"spar_resets_{group.split('.')[1]}",
                groups=f"base.group_user,base.group_partner_manager,{group}",
            )
            for group in ("base.group_erp_manager", "base.group_partner_manager")
        )
        sent = []

        def send(mail, **_options):
            sent.append((mail.email_to, "token=" in mail.body_html))

        mails = self.env["mail.mail"].search([])
        with patch.object(type(mails), "send", send):
            for context in ({}, {"create_user": 1}):
                user = self.amina.with_user(manager).with_context(**context)
                with self.subTest(context):
                    user.action_reset_password()
            with self.assertRaises(AccessError):
                self.amina.with_user(clerk).action_reset_password()
        self.assertEqual(sent, [(self.amina.email, True)] * 2)
        self.assertEqual(self.env["mail.mail"].search([]), mails, "none waits")

    def test_id_of_a_login_is_not_copied(self):
        copy = self.amina.copy({"login": "spar_amina_copy"})
        self.assertFalse(copy.spar_id)

    def test_id_must_be_known_and_free(self):
        with self.assertRaises(ValidationError):
            self.amina.spar_id = "not\x00an id"
        with self.assertRaises(ValidationError):
            self.bono._spar_set_id("TOKEN:amina-0001@NATIONALID")
        with (
            self.assertRaises(psycopg2.IntegrityError) as caught,
            mute_logger("odoo.sql_db"),
            self.env.cr.savepoint(),
        ):
            self.bono.spar_id = AMINA
            self.bono.flush_recordset()
        self.assertNotIn(AMINA, str(caught.exception))

    def test_password_is_checked_for_oneself_only(self):
        with self.assertRaises(SparSecurityError):
            self.amina.with_user(self.bono)._spar_check_password("spar_amina-password")
        self.amina.with_user(self.amina)._spar_check_password("spar_amina-password")
