# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Whatever arrives at the portal's door: a sentence for the person, never a fault."""

from odoo.tests import tagged

from .common import AMINA, CHANGE, HOME, NUMBER, PortalCase


@tagged("post_install", "-at_install")
class TestBadInput(PortalCase):
    def setUp(self):
        super().setUp()
        self.log_in(self.amina)

    def _values(self):
        return {
            field.get("name"): field.get("value")
            for field in self.page.xpath("//input[@data-testid]")
        }

    def test_numbers(self):
        long = "1" * 5000
        for first, again, wrong in (
            ("", "", "account_number"),
            ("   ", "   ", "account_number"),
            ("12", "12", "account_number"),
            ("abc", "abc", "account_number"),
            (long, long, "account_number"),
            ("12345\x00678901", "12345\x00678901", "account_number"),
            ("1234\x07567890", "1234\x07567890", "account_number"),
            ("1234\n5678\u202e9012", "1234567890", "account_number"),
            (NUMBER, "", "account_number_again"),
            (NUMBER, "123456789013", "account_number_again"),
            ("", NUMBER, "account_number"),
        ):
            with self.subTest(first=first[:20], again=again[:20]):
                self.to_number()
                self.submit(account_number=first, account_number_again=again)
                self.assertEqual(self.path, f"{CHANGE}/number")
                self.assertTrue(self.error_at(wrong))
        self.assertFalse(self.changes(AMINA))

    def test_typed_values_are_kept(self):
        self.to_number()
        self.submit(account_number=NUMBER, account_number_again="123456789013")
        self.assertEqual(
            self._values(),
            {"account_number": NUMBER, "account_number_again": "123456789013"},
        )
        self.submit(account_number="<b>12", account_number_again='"><script>')
        self.assertEqual(
            self._values(),
            {"account_number": "<b>12", "account_number_again": '"><script>'},
        )

    def refuse(self, path, **values):
        """Send an answer that is not good; the address the browser is sent to."""
        token = self.page.xpath("//input[@name='csrf_token']/@value")[0]
        answer = self.url_open(
            path, data={"csrf_token": token, **values}, allow_redirects=False
        )
        self.assertEqual(answer.status_code, 303, path)
        return answer.headers["Location"]

    def test_a_refused_answer_is_shown_by_a_page_of_its_own(self):
        """A browser goes back to pages that it got, not to answers that it sent."""
        self.open(CHANGE)
        for path, after in (
            (CHANGE, lambda: self.choose("kind", kind="bank")),
            (f"{CHANGE}/provider", lambda: self.choose("result", code="TIDETEST")),
            (f"{CHANGE}/branch", lambda: self.choose("result", code="HARB01")),
            (
                f"{CHANGE}/number",
                lambda: self.submit(account_number=NUMBER, account_number_again=NUMBER),
            ),
            (f"{CHANGE}/review", lambda: self.confirm(self.amina)),
        ):
            with self.subTest(path):
                refused = self.refuse(path, account_number="<12", consent="yes")
                for _reload in range(2):
                    self.open(refused)
                    self.assertEqual(self.path, path)
                    self.assertTrue(self.find("error-summary"))
                if path.endswith("number"):
                    self.assertEqual(self._values()["account_number"], "<12")
                if path.endswith("review"):
                    self.assertTrue(self.page.xpath("//input[@checked]"))
                self.open(path)
                self.assertFalse(self.find("error-summary"), "another visit")
                after()
                if not path.endswith("review"):
                    after_path = self.path
                    self.open(refused)
                    self.assertFalse(self.find("error-summary"), "it is mended")
                    self.open(after_path)
        draft = self.env["g2p.spar.account.draft"]._of(self.amina)
        self.assertFalse(draft.refusal)
        self.open(refused)
        self.assertEqual(self.path, f"{HOME}/receipt/{self.changes(AMINA).reference}")

    def test_a_refused_removal_is_shown_by_a_page_of_its_own(self):
        self.link(AMINA)
        self.open(f"{HOME}/remove")
        self.open(self.refuse(f"{HOME}/remove", password="wrong"))
        self.assertTrue(self.error_at("password"))
        self.env["g2p.spar.account.draft"]._of(self.amina, "remove").unlink()
        password = f"{self.amina.login}-password"
        self.open(self.refuse(f"{HOME}/remove", password=password))
        self.assertIn("open for a long time", self.words("error-summary"))
        self.submit({"password": password}, button="confirm-remove")
        self.assertEqual(self.changes(AMINA).operation, "remove")

    def test_file_instead_of_text(self):
        self.to_number()
        token = self.page.xpath("//input[@name='csrf_token']/@value")[0]
        self.load(
            self.url_open(
                f"{CHANGE}/number",
                data={"csrf_token": token},
                files={"account_number": ("a.txt", b"123456789012")},
            )
        )
        self.assertTrue(self.error_at("account_number"))

    def test_missing_agreement_and_password(self):
        self.to_review()
        self.submit({"password": "spar_amina-password"}, button="confirm")
        self.assertTrue(self.error_at("consent"))
        self.submit({"consent": "yes"}, button="confirm")
        self.assertTrue(self.error_at("password"))
        self.submit({"consent": "no", "password": "x" * 9999}, button="confirm")
        self.assertTrue(self.error_at("consent"))
        self.assertFalse(self.changes(AMINA))

    def test_ids_that_are_none(self):
        bad = ("", "abc", "-1", "0", "9" * 30, "1.5", "1 OR 1=1", "\x00", "²", "NaN")
        self.open(CHANGE)
        for value in bad:
            self.submit({"kind": value}, button="kind")
            self.assertEqual(self.path, CHANGE)
            self.assertTrue(self.find("error-summary"), value)
        self.to_provider()
        for value in bad:
            self.submit({"provider": value}, button="result")
            self.assertEqual(self.path, f"{CHANGE}/provider")
            self.assertTrue(self.find("error-summary"), value)

    def test_ids_that_do_not_fit(self):
        self.to_provider()
        self.submit({"provider": str(self.wallet.id)}, button="result")
        self.assertTrue(self.find("error-summary"), "a wallet is not a bank")
        self.bank.active = False
        self.submit({"provider": str(self.bank.id)}, button="result")
        self.assertTrue(self.find("error-summary"), "closed meanwhile")
        self.bank.active = True
        self.submit({"provider": str(self.bank.id)}, button="result")
        self.assertEqual(self.path, f"{CHANGE}/branch")
        self.submit({"branch": str(self.other_bank.branch_ids.id)}, button="result")
        self.assertEqual(self.path, f"{CHANGE}/branch")
        self.assertTrue(self.find("error-summary"), "another bank's branch")

    def test_query_strings(self):
        self.to_provider()
        for query in (
            "page=abc",
            "page=-5",
            "page=99999999999999999999",
            "page=1.5",
            "q=%00",
            "q=%27%22%3C%25_%5C",
            "q=" + "x" * 3000,
            "q=%F0%9F%98%80",
            "q=%ff%fe",
            "q=a&q=b&page=1&page=2",
            "q[]=x&page[]=1",
        ):
            self.open(f"{CHANGE}/provider?{query}")
            response = self.url_open(f"{CHANGE}/provider/search?{query}")
            self.assertEqual(response.status_code, 200, query)
        self.open(f"{HOME}/history?page=abc")
        self.open(f"{HOME}?notice=%3Cscript%3E")
        self.assertNotIn("<script>", self.words())

    def test_skipping_steps(self):
        for step in ("provider", "branch", "number", "review"):
            self.open(f"{CHANGE}/{step}")
            self.assertEqual(self.path, CHANGE, step)
        token = self.page.xpath("//input[@name='csrf_token']/@value")[0]
        posts = {
            "provider": {"provider": self.bank.id},
            "branch": {"branch": self.branch.id},
            "number": {"account_number": NUMBER, "account_number_again": NUMBER},
            "review": {"consent": "yes", "password": "spar_amina-password"},
        }
        for step, data in posts.items():
            self.load(
                self.url_open(f"{CHANGE}/{step}", data={"csrf_token": token, **data})
            )
            self.assertEqual(self.path, CHANGE, step)
        self.assertFalse(self.changes(AMINA))

    def test_wallet_has_no_branch_step(self):
        self.to_provider("mobile_wallet")
        self.submit({"provider": str(self.wallet.id)}, button="result")
        self.open(f"{CHANGE}/branch")
        self.assertEqual(self.path, f"{CHANGE}/number")

    def test_provider_closes_before_the_confirmation(self):
        self.to_review()
        self.bank.active = False
        self.confirm(self.amina)
        self.assertFalse(self.changes(AMINA))
        self.assertEqual(self.path, f"{CHANGE}/provider", "to be chosen again")

    def test_session_ends_on_the_way(self):
        self.to_review()
        self.url_open("/web/session/logout")
        self.submit(
            {"consent": "yes", "password": "spar_amina-password"}, button="confirm"
        )
        self.assertEqual(self.path, "/web/login")
        self.assertFalse(self.changes(AMINA))
        self.log_in(self.amina)
        self.open(f"{CHANGE}/review")
        self.assertIn(NUMBER, self.words("summary"), "nothing is lost")

    def test_wrong_method(self):
        token = self.open(CHANGE).xpath("//input[@name='csrf_token']/@value")[0]
        self.assertEqual(
            self.url_open(HOME, data={"csrf_token": token}).status_code, 405
        )
        self.assertIn(self.url_open(f"{HOME}/receipt/x/cancel").status_code, (404, 405))

    def test_references_that_are_none(self):
        for reference in ("%00", "'", "x" * 2000, "%F0%9F%98%80", "0"):
            response = self.url_open(f"{HOME}/receipt/{reference}")
            self.assertEqual(response.status_code, 404, reference)
