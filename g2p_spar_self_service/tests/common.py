# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from urllib.parse import urlsplit

from lxml import html

from odoo.tests import HttpCase, TransactionCase, new_test_user

from odoo.addons.g2p_spar_mapper.outcomes import Actor, LinkItem

HOME = "/my/payment-account"
CHANGE = f"{HOME}/change"
AMINA = "token:amina-0001@nationalId"
BONO = "token:bono-0002@nationalId"
NUMBER = "123456789012"


class World:
    """Two banks (one with branches), a wallet, and two people with a portal login."""

    @classmethod
    def make_world(cls):
        cls.env = cls.env(context={**cls.env.context, "tracking_disable": True})
        env = cls.env
        # The tests speak to the registry of this database, whatever else is set up.
        env["g2p.spar.connector"].search([]).active = False
        cls.connector = env["g2p.spar.connector"].create(
            {"name": "Here", "adapter": "local", "sequence": 1}
        )
        cls.bank_type = env.ref("g2p_spar_bank_directory.account_type_bank")
        cls.wallet_type = env.ref("g2p_spar_bank_directory.account_type_mobile_wallet")
        cls.bank = env["g2p.spar.fsp"].create(
            {
                "name": "Tidewater Test Bank",
                "code": "TIDETEST",
                "account_type_ids": [(4, cls.bank_type.id)],
                "branch_ids": [
                    (0, 0, {"name": "Harbour", "city": "Port", "code": "HARB01"}),
                    (0, 0, {"name": "Market", "city": "Port", "code": "MARK01"}),
                ],
            }
        )
        cls.branch = cls.bank.branch_ids.filtered(lambda b: b.code == "HARB01")
        cls.other_bank = env["g2p.spar.fsp"].create(
            {
                "name": "Highland Test Bank",
                "code": "HIGHTEST",
                "account_type_ids": [(4, cls.bank_type.id)],
                "branch_ids": [(0, 0, {"name": "Hill", "code": "HILL01"})],
            }
        )
        cls.wallet = env["g2p.spar.fsp"].create(
            {
                "name": "Tide Test Wallet",
                "code": "TIDEWALLET",
                "account_type_ids": [(4, cls.wallet_type.id)],
            }
        )
        cls.amina = cls.new_person("spar_amina", AMINA)
        cls.bono = cls.new_person("spar_bono", BONO)

    @classmethod
    def new_person(cls, login, wire_id=False):
        user = new_test_user(
            cls.env,
            login=login,
            password=f"{login}-password",
            groups="base.group_portal",
            name=login.removeprefix("spar_").title(),
        )
        user.spar_id = wire_id
        return user

    @classmethod
    def bank_address(cls, number=NUMBER):
        return cls.bank_type._compose(
            {"fsp": cls.bank.id, "branch": cls.branch.id, "account_number": number}
        )

    @classmethod
    def link(cls, wire_id, number=NUMBER):
        """Give a person an account, as another door would have done."""
        (outcome,) = cls.env["g2p.spar.mapper"]._link(
            [LinkItem(id=wire_id, fa=cls.bank_address(number).fa)], Actor("import")
        )
        assert outcome.code == "ok", outcome.message

    @classmethod
    def resolve(cls, wire_id):
        return cls.env["g2p.spar.connector"]._resolve([wire_id], "Test")[0]

    @classmethod
    def changes(cls, wire_id):
        return cls.env["g2p.spar.change"]._for_id(wire_id)


class SelfServiceCase(World, TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_world()


class PortalCase(World, HttpCase):
    """Walks the pages like a browser without JavaScript: links and plain forms only."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_world()

    def log_in(self, user):
        self.authenticate(user.login, f"{user.login}-password")

    def open(self, path, status=200):
        return self.load(self.url_open(path), status)

    def load(self, response, status=200):
        """Keep a page as the current one."""
        self.assertEqual(response.status_code, status, response.url)
        self.path = urlsplit(response.url).path
        self.page = html.fromstring(response.text)
        return self.page

    def find(self, testid):
        return self.page.xpath(f"//*[@data-testid='{testid}']")

    def words(self, testid=None):
        """All words of the page or of the first element with this mark."""
        element = self.find(testid)[0] if testid else self.page.xpath("//main")[0]
        return " ".join(element.text_content().split())

    def follow(self, testid):
        return self.open(self.find(testid)[0].get("href"))

    def submit(self, values=None, button=None, **more):
        """Send the form of the page that has ``button`` (a mark), as a browser would.

        :param dict values: typed texts; what is not given keeps what the page shows
        """
        buttons = (
            self.find(button) if button else self.page.xpath("//main//form//button")
        )
        form = next(buttons[0].iterancestors("form"))
        data = {
            field.get("name"): field.get("value") or ""
            for field in form.xpath(".//input[@name]")
            if field.get("type") != "checkbox" or field.get("checked")
        }
        if buttons[0].get("name"):
            data[buttons[0].get("name")] = buttons[0].get("value")
        data |= {**(values or {}), **more}
        if form.get("method") == "get":
            return self.load(self.url_open(form.get("action"), params=data))
        return self.load(self.url_open(form.get("action"), data=data))

    def choose(self, testid, **marks):
        """Press the one of several buttons that carries these data attributes."""
        (button,) = [
            button
            for button in self.find(testid)
            if all(button.get(f"data-{key}") == value for key, value in marks.items())
        ]
        return self.submit({button.get("name"): button.get("value")}, button=testid)

    def error_at(self, key):
        """The message beside one field; the field must point at it."""
        message = self.page.xpath(f"//*[@id='spar-field-{key}-error']")
        if not message:
            return ""
        (field,) = self.page.xpath(f"//input[@id='spar-field-{key}']")
        self.assertIn(f"spar-field-{key}-error", field.get("aria-describedby"))
        self.assertEqual(field.get("aria-invalid"), "true")
        summary = self.page.xpath(
            f"//*[@data-testid='error-summary']//a[@href='#spar-field-{key}']"
        )
        self.assertTrue(summary, "the summary links to the field")
        return " ".join(message[0].text_content().split())

    def to_provider(self, kind="bank"):
        self.open(CHANGE)
        self.choose("kind", kind=kind)

    def to_number(self):
        self.to_provider()
        self.submit({"q": "tidewater"}, button="search-button")
        self.choose("result", code="TIDETEST")
        self.choose("result", code="HARB01")

    def to_review(self, number=NUMBER):
        self.to_number()
        self.submit(account_number=number, account_number_again=number)

    def confirm(self, user, **values):
        return self.submit(
            {"consent": "yes", "password": f"{user.login}-password", **values},
            button="confirm",
        )
