# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo.addons.base.tests.common import BaseCommon

from ..exceptions import AddressError

IBAN_DE = "DE89370400440532013000"  # the usual example, check digits are right


class DirectoryCommon(BaseCommon):
    """A small directory of its own: no test leans on demo data."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        xmlid = "g2p_spar_bank_directory."
        cls.AccountType = cls.env["g2p.spar.account.type"]
        cls.Fsp = cls.env["g2p.spar.fsp"]
        cls.Branch = cls.env["g2p.spar.fsp.branch"]
        cls.Strategy = cls.env["g2p.spar.strategy"]
        cls.bank_type = cls.env.ref(xmlid + "account_type_bank")
        cls.mobile_type = cls.env.ref(xmlid + "account_type_mobile_wallet")
        cls.email_type = cls.env.ref(xmlid + "account_type_email_wallet")
        cls.bank = cls.make_fsp("Qwëst Bank Ltd.", "QWBANK", cls.bank_type, "DE")
        cls.branch = cls.make_branch(cls.bank, "Hauptstraße Nord", "TB001")
        cls.other_bank = cls.make_fsp("Other Bank", "OBANK", cls.bank_type, "DE")
        cls.other_branch = cls.make_branch(cls.other_bank, "Main Street", "OB001")
        cls.plain_bank = cls.make_fsp("No Branch Bank", "NBBANK", cls.bank_type, "DE")
        cls.wallet = cls.make_fsp("Pesa Mobile", "PESA-KE", cls.mobile_type, "KE")
        cls.email_wallet = cls.make_fsp("Mail Pay", "MAILPAY", cls.email_type)

    @classmethod
    def make_fsp(cls, name, code, account_type, country=None, **vals):
        country = cls.env["res.country"].search([("code", "=", country)], limit=1)
        return cls.Fsp.create(
            {
                "name": name,
                "code": code,
                "account_type_ids": account_type.ids,
                "country_id": country.id,
                **vals,
            }
        )

    @classmethod
    def make_branch(cls, fsp, name, code, **vals):
        return cls.Branch.create({"fsp_id": fsp.id, "name": name, "code": code, **vals})

    @classmethod
    def make_user(cls, login, *groups):
        return cls.env["res.users"].create(
            {
                "name": login,
                "login": login,
                "group_ids": [cls.env.ref(group).id for group in groups],
            }
        )

    def bank_answers(self, **answers):
        return {
            "fsp": self.bank.id,
            "branch": self.branch.id,
            "account_number": "123456789012",
            **answers,
        }

    def compose_errors(self, account_type, answers):
        """The errors that composing these answers gives; it must give some."""
        with self.assertRaises(AddressError) as caught:
            account_type._compose(answers)
        return caught.exception.errors
