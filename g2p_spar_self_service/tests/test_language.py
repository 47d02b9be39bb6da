# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo.tests import tagged

from odoo.addons.g2p_spar_mapper.outcomes import INACTIVE, Outcome

from .common import AMINA, CHANGE, HOME, PortalCase


@tagged("post_install", "-at_install")
class TestLanguage(PortalCase):
    def setUp(self):
        super().setUp()
        self.log_in(self.amina)

    def activate_french(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        for addon in "g2p_spar_connector", "g2p_spar_self_service":
            module = self.env.ref(f"base.module_{addon}")
            module._update_translations(["fr_FR"])

    def test_french(self):
        self.activate_french()
        self.amina.lang = "fr_FR"
        self.open("/fr" + HOME)
        self.assertIn("Votre compte de paiement", self.words())
        self.assertEqual(self.page.get("lang"), "fr-FR")
        # The switch is made of links and leads to the same page.
        languages = {a.get("hreflang"): a.get("href") for a in self.find("language")}
        self.open(languages["en"])
        self.assertIn("Your payment account", self.words())

    def test_scripts_ask_in_the_language_of_the_page(self):
        """They take a redirect for the end of the session, and give up."""
        self.activate_french()
        self.to_provider()
        self._check_url_of_script(f"/fr{CHANGE}/provider", "data-search-url")
        self.to_review()
        self.confirm(self.amina)
        self._check_url_of_script(self.path, "data-state-url")
        self._check_url_of_script("/fr/my", "data-state-url")

    def _check_url_of_script(self, page, attribute):
        (url,) = self.open(page).xpath(f"//@{attribute}")
        answer = self.url_open(url, allow_redirects=False)
        self.assertEqual(answer.status_code, 200, url)
        self.assertTrue(answer.json())

    def test_words_of_a_change_are_in_the_language_of_the_reader(self):
        """Whoever worked on it last: a person, staff in English or a job."""
        self.activate_french()
        self.to_review()
        self.confirm(self.amina)
        change = self.changes(AMINA)
        change._finish("refused", Outcome(INACTIVE))
        self.assertIn("This record is frozen", change.message)
        for page in f"receipt/{change.reference}", "history":
            self.open(f"/fr{HOME}/{page}")
            self.assertIn("suspendu", self.words())
            self.assertNotIn("frozen", self.words())

    def test_reads_from_the_right(self):
        arabic = self.env["res.lang"]._activate_lang("ar_001")
        self.assertEqual(arabic.direction, "rtl")
        self.amina.lang = "ar_001"
        self.open(f"/{arabic.url_code}{HOME}")
        self.assertEqual(self.page.get("dir"), "rtl")
