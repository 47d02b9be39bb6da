# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo.tests import tagged

from odoo.addons.g2p_spar_bank_directory.exceptions import (
    AddressError,
    SparRejectedError,
)

from .common import AMINA, NUMBER, SelfServiceCase


@tagged("post_install", "-at_install")
class TestDraft(SelfServiceCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.drafts = cls.env["g2p.spar.account.draft"]

    def answered(self):
        draft = self.drafts._start(self.amina)
        draft._choose_kind(self.bank_type.id)
        draft._choose_provider(self.bank.id)
        draft._choose_branch(self.branch.id)
        draft._type_answers({"account_number": NUMBER, "account_number_again": NUMBER})
        return draft

    def test_an_assigned_value_is_kept_as_it_is(self):
        """Also by a sealed field that nobody may read."""
        draft = self.drafts._start(self.amina)
        for value in ({"number": "Not valid"}, False):
            draft.refusal = value
            draft.flush_recordset()
            draft.invalidate_recordset()
            self.assertEqual(draft.refusal, value)

    def test_steps_follow_the_answers(self):
        draft = self.drafts._start(self.amina)
        self.assertEqual(draft._next_step(), "kind")
        draft._choose_kind(self.bank_type.id)
        self.assertEqual(draft._next_step(), "provider")
        self.assertFalse(draft._may_reach("number"))
        draft._choose_provider(self.bank.id)
        self.assertEqual(draft._next_step(), "branch")
        draft._choose_branch(self.branch.id)
        self.assertEqual(draft._next_step(), "number")
        self.assertTrue(draft._may_reach("provider"), "going back is allowed")
        self.assertFalse(draft._may_reach("review"))

    def test_another_kind_drops_what_depended_on_it(self):
        draft = self.answered()
        draft._choose_kind(self.wallet_type.id)
        self.assertFalse(draft.fsp_id or draft.branch_id or draft.answers)
        self.assertNotIn("branch", draft._steps())

    def test_another_provider_drops_the_branch(self):
        draft = self.answered()
        draft._choose_provider(self.other_bank.id)
        self.assertFalse(draft.branch_id)
        self.assertEqual(draft._next_step(), "branch")

    def test_bank_without_branches_asks_for_none(self):
        self.other_bank.branch_ids.active = False
        draft = self.drafts._start(self.amina)
        draft._choose_kind(self.bank_type.id)
        draft._choose_provider(self.other_bank.id)
        self.assertEqual(draft._next_step(), "number")

    def test_refused_answers_are_not_kept(self):
        draft = self.answered()
        with self.assertRaises(AddressError) as caught:
            draft._type_answers({"account_number": "12", "account_number_again": "12"})
        self.assertEqual(list(caught.exception.errors), ["account_number"])
        self.assertEqual(draft.answers, {"account_number": NUMBER})

    def test_confirm_once(self):
        draft = self.answered()
        change = draft._confirm(draft.token, consent=True)
        self.assertEqual(draft._confirm(draft.token, consent=True), change)
        self.assertEqual(self.changes(AMINA), change)
        self.assertFalse(draft.answers, "the number does not stay in the draft")
        self.assertEqual(draft._next_step(), "done")

    def test_confirm_needs_consent_and_the_shown_token(self):
        draft = self.answered()
        shown = draft.token
        with self.assertRaises(AddressError) as caught:
            draft._confirm(shown, consent=False)
        self.assertEqual(list(caught.exception.errors), ["consent"])
        draft._type_answers(
            {"account_number": "999888777666", "account_number_again": "999888777666"}
        )
        for token in (shown, "", "x", "é"):
            with self.assertRaises(SparRejectedError):
                draft._confirm(token, consent=True)
        self.assertFalse(self.changes(AMINA))

    def test_consent_is_kept_with_its_version(self):
        draft = self.answered()
        change = draft._confirm(draft.token, consent=True)
        self.assertEqual(change.consent_text, draft._consent_text())
        self.assertEqual(change.consent_version, "1")
        self.assertTrue(change.consent_at)

    def test_phone_of_the_profile_never_spoils_a_change(self):
        self.amina.partner_id.phone = "ask my sister"
        draft = self.answered()
        self.assertEqual(draft._prepare_change()["phone"], "")
        self.amina.partner_id.phone = "+254 712 345 678"
        self.assertEqual(draft._prepare_change()["phone"], "+254712345678")

    def test_starting_again_forgets(self):
        old = self.answered()
        new = self.drafts._start(self.amina)
        self.assertFalse(old.exists())
        self.assertEqual(self.drafts._of(self.amina), new)
        self.assertFalse(self.drafts._of(self.bono))
