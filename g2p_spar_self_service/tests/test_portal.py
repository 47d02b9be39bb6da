# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from time import monotonic
from unittest.mock import patch

from odoo.tests import tagged

from odoo.addons.g2p_spar_bank_directory.exceptions import SparTransientError
from odoo.addons.g2p_spar_bank_directory.models.g2p_spar_directory_mixin import (
    COUNT_LIMIT,
)
from odoo.addons.g2p_spar_connector.models import (
    g2p_spar_connector_adapter_g2p_connect as g2p_connect,
)
from odoo.addons.g2p_spar_connector.models.g2p_spar_change import OVERTAKEN
from odoo.addons.g2p_spar_mapper.outcomes import (
    Actor,
    LinkItem,
    Outcome,
    UnlinkItem,
)

from .. import mapper_rest
from ..const import SCREEN_SECONDS
from .common import AMINA, BONO, CHANGE, HOME, NUMBER, PortalCase


@tagged("post_install", "-at_install")
class TestPortal(PortalCase):
    def setUp(self):
        super().setUp()
        self.log_in(self.amina)

    def test_first_account_without_javascript(self):
        self.open("/my")
        self.follow("payment-account-link")
        self.assertTrue(self.find("account-none"))
        self.follow("add-account")
        self.choose("kind", kind="bank")
        self.assertEqual(self.path, f"{CHANGE}/provider")
        self.submit({"q": "TIDEwater"}, button="search-button")
        self.assertEqual(len(self.find("result")), 1)
        self.choose("result", code="TIDETEST")
        self.assertEqual(self.path, f"{CHANGE}/branch")
        self.assertEqual(len(self.find("result")), 2, "only this bank's branches")
        self.submit({"q": "harb"}, button="search-button")
        self.choose("result", code="HARB01")
        self.assertEqual(self.path, f"{CHANGE}/number")
        self.submit(
            account_number="1234 5678 9012", account_number_again="123456789012"
        )
        self.assertEqual(self.path, f"{CHANGE}/review")
        summary = self.words("summary")
        self.assertIn("Tidewater Test Bank", summary)
        self.assertIn("Harbour", summary)
        self.assertIn(NUMBER, summary, "shown in full to its owner, once")

        self.confirm(self.amina)
        change = self.changes(AMINA)
        self.assertEqual(self.path, f"{HOME}/receipt/{change.reference}")
        self.assertEqual(self.words("reference"), change.reference)
        self.assertIn("9012", self.words())
        self.assertNotIn(NUMBER, self.words())
        self.assertTrue(self.page.xpath("//head//noscript"), "it refreshes itself")
        self.assertEqual(change.state, "queued")
        self.assertEqual(change.channel, "portal")
        self.assertEqual(change.user_id, self.amina)
        self.assertIn("programmes that pay me", change.consent_text)

        self.open(HOME)
        self.assertEqual(len(self.find("open-change")), 1)
        self.assertFalse(self.find("add-account"), "it is on its way already")

        change._job_apply()
        self.assertEqual(self.resolve(AMINA).fa, self.bank_address().fa)
        self.open(f"{HOME}/receipt/{change.reference}")
        self.assertEqual(self.find("receipt")[0].get("data-state"), "done")
        self.assertFalse(self.page.xpath("//head//noscript"))
        self.open(HOME)
        self.assertIn("Tidewater Test Bank", self.words("account"))
        self.assertEqual(self.words("account-number"), "•••• 9012")
        self.assertNotIn(NUMBER, self.words())

    def test_change_to_wallet_says_what_it_replaces(self):
        self.link(AMINA)
        self.open(HOME)
        self.follow("change-account")
        self.choose("kind", kind="mobile_wallet")
        self.submit({"q": "tide test"}, button="search-button")
        self.choose("result", code="TIDEWALLET")
        self.assertEqual(self.path, f"{CHANGE}/number", "a wallet has no branch")
        self.submit(
            mobile_number="+254 712 345 678", mobile_number_again="+254712345678"
        )
        self.assertIn("•••• 9012", self.words("replaces"))
        self.confirm(self.amina)
        self.changes(AMINA)._job_apply()
        self.assertEqual(self.resolve(AMINA).account_type, "mobile_wallet")

    def test_remove(self):
        self.link(AMINA)
        self.open(HOME)
        self.follow("remove-account")
        self.submit({"password": "not this"}, button="confirm-remove")
        self.assertTrue(self.error_at("password"))
        self.assertFalse(self.changes(AMINA))
        self.submit({"password": "spar_amina-password"}, button="confirm-remove")
        change = self.changes(AMINA)
        self.assertEqual(self.words("reference"), change.reference)
        change._job_apply()
        self.assertEqual(self.resolve(AMINA).code, "not_linked")
        self.open(HOME)
        self.assertTrue(self.find("account-none"))

    def test_remove_under_way_is_not_asked_twice(self):
        self.link(AMINA)
        self.open(f"{HOME}/remove")
        self.submit({"password": "spar_amina-password"}, button="confirm-remove")
        self.open(f"{HOME}/remove")
        self.assertEqual(len(self.changes(AMINA)), 1)
        self.assertIn("/receipt/", self.path)

    def test_remove_needs_an_account(self):
        self.open(f"{HOME}/remove")
        self.assertEqual(self.path, HOME)

    def test_cancel(self):
        self.to_review()
        self.confirm(self.amina)
        self.submit(button="cancel-change")
        self.assertTrue(self.find("notice-cancelled"))
        self.assertEqual(self.changes(AMINA).state, "cancelled")
        self.assertFalse(self.find("open-change"))
        self.assertTrue(self.find("add-account"))

    def test_nobody_is_said_to_have_cancelled_what_staff_did(self):
        self.to_review()
        self.confirm(self.amina)
        change = self.changes(AMINA)
        change.with_user(self.env.ref("base.user_admin")).action_cancel()
        self.open(f"{HOME}/receipt/{change.reference}")
        self.assertEqual(self.words("receipt-title"), "This request was cancelled")

    def test_cancel_too_late(self):
        self.to_review()
        self.confirm(self.amina)
        self.changes(AMINA)._job_apply()
        self.submit(button="cancel-change")  # the receipt was still open
        self.assertTrue(self.find("notice-too-late"))
        self.assertEqual(self.changes(AMINA).state, "done")

    def test_confirming_twice_is_one_change(self):
        self.to_review()
        review = self.page
        self.confirm(self.amina)
        receipt = self.path
        self.page = review
        self.confirm(self.amina)
        self.assertEqual(self.path, receipt)
        self.assertEqual(len(self.changes(AMINA)), 1)

    def test_back_button_keeps_answers(self):
        self.to_review()
        self.open(f"{CHANGE}/number")
        typed = self.page.xpath("//input[@name='account_number']/@value")
        self.assertEqual(typed, [NUMBER])
        self.open(f"{CHANGE}/branch")
        self.choose("result", code="MARK01")
        self.assertEqual(self.path, f"{CHANGE}/number")
        self.submit()
        self.assertIn("Market", self.words("summary"))

    def test_review_of_another_tab_is_not_confirmed(self):
        self.to_review()
        review = self.page
        self.open(f"{CHANGE}/number")
        self.submit(account_number="999888777666", account_number_again="999888777666")
        self.page = review
        self.confirm(self.amina)
        self.assertFalse(self.changes(AMINA))
        self.assertIn("Please check again", self.words("error-summary"))
        self.assertIn("999888777666", self.words("summary"))

    def test_history_shows_own_changes_and_periods(self):
        self.to_review()
        self.confirm(self.amina)
        self.changes(AMINA)._job_apply()
        self.open(f"{HOME}/history")
        self.assertEqual(len(self.find("history-item")), 1)
        self.assertIn("In use since", self.words("history-list"))
        self.assertIn("•••• 9012", self.words("history-list"))
        self.assertNotIn(NUMBER, self.words())
        self.log_in(self.bono)
        self.open(f"{HOME}/history")
        self.assertTrue(self.find("history-empty"))

    def test_history_calls_no_account_in_use_that_is_not(self):
        """Other doors change accounts, too: an API, an import, an office."""
        self.to_review()
        self.confirm(self.amina)
        self.changes(AMINA)._job_apply()
        connectors = type(self.env["g2p.spar.connector"])
        with patch.object(connectors, "_resolve", side_effect=SparTransientError("x")):
            self.open(f"{HOME}/history")
        self.assertNotIn("In use", self.words("history-list"))
        mapper = self.env["g2p.spar.mapper"]
        other = LinkItem(id=AMINA, fa=self.bank_address("555566667777").fa)
        mapper._update([other], Actor("api"))
        self.open(f"{HOME}/history")
        self.assertIn("•••• 9012", self.words("history-list"))
        self.assertNotIn("In use", self.words("history-list"))
        mapper._unlink([UnlinkItem(id=AMINA)], Actor("api"))
        self.open(f"{HOME}/history")
        self.assertNotIn("In use", self.words("history-list"))

    def test_card_state(self):
        self.link(AMINA)
        state = self.url_open(f"{HOME}/state").json()
        self.assertEqual(state["situation"], "linked")
        self.assertIn("•••• 9012", state["line"])
        self.assertNotIn(NUMBER, state["line"])

    def test_receipt_state(self):
        self.to_review()
        self.confirm(self.amina)
        change = self.changes(AMINA)
        url = f"{HOME}/receipt/{change.reference}/state"
        self.assertTrue(self.url_open(url).json()["is_open"])
        change._job_apply()
        news = self.url_open(url).json()
        self.assertEqual((news["state"], news["is_open"]), ("done", False))
        self.assertIn("Your new account is set", news["html"])

    def test_refused_change_says_why(self):
        self.to_review()
        self.confirm(self.amina)
        change = self.changes(AMINA)
        change.write({"state": "refused", "message": "The register says no."})
        self.open(f"{HOME}/receipt/{change.reference}")
        self.assertEqual(self.words("receipt-message"), "The register says no.")
        self.assertTrue(self.find("start-again"))

    def failed_receipt(self, **vals):
        """Open the receipt of a change that failed."""
        self.to_review()
        self.confirm(self.amina)
        change = self.changes(AMINA)
        change.write({"state": "failed", **vals})
        change.message = change._message("failed", Outcome(change.outcome))
        self.open(f"{HOME}/receipt/{change.reference}")
        return change

    def test_change_that_is_not_carried_out_any_more_can_be_asked_for_again(self):
        self.failed_receipt(outcome=OVERTAKEN)
        self.assertNotIn("need not send it again", self.words())
        self.assertIn("not carried out any more", self.words("receipt-title"))
        self.assertIn("was changed again", self.words("receipt-message"))
        self.follow("start-again")
        self.assertEqual(self.path, CHANGE)
        self.open(f"{HOME}/history")
        self.assertIn("Not carried out", self.words("history-list"))
        self.assertNotIn("Not done yet", self.words("history-list"))

    def test_removal_that_is_not_carried_out_any_more_can_be_asked_for_again(self):
        self.link(AMINA)
        change = self.failed_receipt(outcome=OVERTAKEN, operation="remove")
        self.open(f"{HOME}/receipt/{change.reference}")
        self.follow("start-again")
        self.assertEqual(self.path, f"{HOME}/remove")

    def test_nobody_says_not_done_of_what_may_be_done(self):
        self.failed_receipt(outcome="failed", is_sent=True)
        self.assertIn("not known whether", self.words("receipt-message"))
        self.assertIn("do not know yet", self.words("receipt-title"))
        self.assertIn("need not send it again", self.words())
        self.open(f"{HOME}/history")
        self.assertNotIn("Not done yet", self.words("history-list"))

    def test_nobody_says_unchanged_of_what_may_be_done(self):
        """A request was sent, its answer got lost, and it is tried again for a day."""
        self.to_review()
        self.confirm(self.amina)
        self.assertIn("nothing changes", self.words("receipt"))
        self.changes(AMINA).write({"state": "applying", "is_sent": True})
        self.open(self.path)
        self.assertNotIn("nothing changes", self.words("receipt"))
        self.assertIn("may be done already", self.words("receipt"))

    def test_failed_change_is_not_done_yet(self):
        self.failed_receipt(outcome="failed")
        self.assertIn("not done yet", self.words("receipt-title"))
        self.assertIn("need not send it again", self.words())
        self.assertFalse(self.find("start-again"))

    def test_search_as_you_type(self):
        self.to_provider()
        found = self.url_open(f"{CHANGE}/provider/search?q=tidewa").json()
        self.assertIn("Tidewater Test Bank", found["html"])
        self.assertIn("1 found", found["status"])
        nothing = self.url_open(f"{CHANGE}/provider/search?q=qqzzxx").json()
        self.assertNotIn("<button", nothing["html"])
        self.assertIn("Nothing found", nothing["status"])
        # Branches before a bank is chosen: there is nothing to search in.
        self.assertEqual(self.url_open(f"{CHANGE}/branch/search").status_code, 409)

    def test_search_pages(self):
        self.env["g2p.spar.fsp"].create(
            [
                {
                    "name": f"Pagetest Bank {number:02}",
                    "code": f"PAGETEST{number:02}",
                    "account_type_ids": [(4, self.bank_type.id)],
                }
                for number in range(30)
            ]
        )
        self.to_provider()
        self.open(f"{CHANGE}/provider?q=pagetest")
        self.assertEqual(len(self.find("result")), 12)
        self.open(self.page.xpath("//a[@rel='next']/@href")[0])
        self.assertIn("Page 2 of 3", self.words())
        self.open(f"{CHANGE}/provider?q=pagetest&page=99")
        self.assertEqual(len(self.find("result")), 6, "beyond the end: the last page")

    def test_search_does_not_call_a_capped_count_exact(self):
        self.to_provider()
        providers = type(self.env["g2p.spar.fsp"])
        for total, words in ((999, "999 found"), (COUNT_LIMIT, "1000 or more found")):
            found = (self.bank, total)
            with patch.object(providers, "_search_directory", return_value=found):
                self.open(f"{CHANGE}/provider?q=test")
            self.assertIn(words, self.words())

    def test_registry_out_of_reach(self):
        connectors = type(self.env["g2p.spar.connector"])
        self.to_review()
        with patch.object(connectors, "_resolve", side_effect=SparTransientError("x")):
            self.open(HOME)
            self.assertTrue(self.find("account-unreachable"))
            self.assertEqual(
                self.url_open(f"{HOME}/state").json()["situation"], "unreachable"
            )
            # Nothing is lost: the wish is accepted and waits.
            self.open(f"{CHANGE}/review")
            self.confirm(self.amina)
        self.assertEqual(self.changes(AMINA).state, "queued")

    def test_nobody_waits_long_for_a_mapper_that_hangs(self):
        self.to_review()
        self.confirm(self.amina)
        self.connector.write(
            {
                "adapter": "g2p_connect",
                "g2p_connect_base_url": "https://mapper.example.org/mapper/sync",
            }
        )
        self.patch(mapper_rest, "_asked_again_at", {})
        asked = []

        def hang(url, body, *, seconds, **kwargs):
            asked.append(seconds)
            raise SparTransientError("Too late.", "timeout")

        with patch.object(g2p_connect, "post_json", hang):
            for path in (HOME, f"{HOME}/state", f"{HOME}/remove", HOME):
                self.url_open(path)
            self.assertEqual(asked, [SCREEN_SECONDS], "one page waits for all")
            self.open(HOME)
            self.assertTrue(self.find("account-unreachable"))
            with self.assertRaises(SparTransientError):
                self.resolve(AMINA)
            self.assertEqual(asked[1:], [30], "jobs have time and always ask")
            self.patch(mapper_rest, "monotonic", lambda: monotonic() + 3600)
            self.url_open(HOME)
            self.assertEqual(len(asked), 3, "after a while it is asked again")

    def test_frozen_account(self):
        self.link(AMINA)
        connectors = type(self.env["g2p.spar.connector"])
        outcome = self.resolve(AMINA)._replace(code="inactive", masked="", fa="")
        with patch.object(connectors, "_resolve", return_value=[outcome]):
            self.open(HOME)
        self.assertTrue(self.find("account-frozen"))
        self.assertFalse(self.find("change-account"))

    def test_pages_are_not_kept_by_the_browser(self):
        self.to_review()
        for path in (HOME, f"{CHANGE}/number", f"{CHANGE}/review", f"{HOME}/history"):
            headers = self.url_open(path).headers
            self.assertEqual(headers["Cache-Control"], "no-store", path)

    def test_no_number_in_addresses_or_hidden_fields(self):
        self.to_review()
        hidden = self.page.xpath("//input[@type='hidden']/@value")
        self.assertNotIn(NUMBER, " ".join(hidden + self.page.xpath("//@href")))


@tagged("post_install", "-at_install")
class TestIdentityCheck(PortalCase):
    """Nothing is confirmed without the password, and guessing is slowed down."""

    def test_wrong_password_keeps_agreement(self):
        self.log_in(self.amina)
        self.to_review()
        self.confirm(self.amina, password="wrong")
        self.assertIn("not your password", self.error_at("password"))
        self.assertFalse(self.changes(AMINA))
        self.assertTrue(self.page.xpath("//input[@name='consent']/@checked"))
        self.assertFalse(self.page.xpath("//input[@name='password']/@value"))
        self.confirm(self.amina)
        self.assertEqual(len(self.changes(AMINA)), 1)

    def test_strange_passwords(self):
        self.log_in(self.amina)
        self.to_review()
        for password in ("\x00", "é\u202e", "x" * 9000):
            self.confirm(self.amina, password=password)
            self.assertTrue(self.error_at("password"))
            getattr(self.env.registry, "_login_failures", {}).clear()
        self.assertFalse(self.changes(AMINA))

    def test_somebody_elses_password_is_wrong(self):
        self.log_in(self.amina)
        self.to_review()
        self.confirm(self.amina, password="spar_bono-password", login="spar_bono")
        self.assertTrue(self.error_at("password"))
        self.assertFalse(self.changes(AMINA) | self.changes(BONO))

    def test_guessing_is_slowed_down(self):
        self.env["ir.config_parameter"].set_param("base.login_cooldown_after", "2")
        failures = getattr(self.env.registry, "_login_failures", {})
        self.addCleanup(failures.clear)
        self.log_in(self.amina)
        self.to_review()
        for _attempt in range(2):
            self.confirm(self.amina, password="wrong")
        self.addCleanup(
            lambda: getattr(self.env.registry, "_login_failures", {}).clear()
        )
        with self.assertLogs("odoo.addons.base.models.res_users", "WARNING"):
            self.confirm(self.amina)  # even the right one has to wait now
        self.assertIn("Too many", self.error_at("password"))
        self.assertFalse(self.changes(AMINA))
