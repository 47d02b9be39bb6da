# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo.tests import new_test_user

from odoo.addons.base.tests.common import BaseCommon

from ..outcomes import DETAILS, Actor, LinkItem, ResolveItem, UnlinkItem


def wire_id(number):
    """An ID of the type that comes with the addon."""
    return f"token:spartest-{number}@nationalId"


class MapperCommon(BaseCommon):
    """A provider of each kind, one user per role and short calls of the verbs."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.mapper = cls.env["g2p.spar.mapper"]
        cls.mappings = cls.env["g2p.spar.mapping"]
        cls.events = cls.env["g2p.spar.mapping.event"]
        directory = "g2p_spar_bank_directory."
        cls.bank_type = cls.env.ref(directory + "account_type_bank")
        cls.mobile_type = cls.env.ref(directory + "account_type_mobile_wallet")
        country = cls.env.ref("base.ke")
        cls.bank, cls.wallet = cls.env["g2p.spar.fsp"].create(
            [
                {
                    "name": name,
                    "code": code,
                    "country_id": country.id,
                    "account_type_ids": account_type.ids,
                }
                for name, code, account_type in (
                    ("Mapper Test Bank", "MTBANK", cls.bank_type),
                    ("Mapper Test Wallet", "MTWALLET", cls.mobile_type),
                )
            ]
        )
        cls.branches = cls.env["g2p.spar.fsp.branch"].create(
            [
                {"fsp_id": cls.bank.id, "name": f"Branch {code}", "code": code}
                for code in ("MT001", "MT002")
            ]
        )
        cls.users = {
            role: new_test_user(cls.env, f"spar_mapper_{role}", groups)
            for role, groups in {
                "officer": "g2p_spar_mapper.group_spar_officer",
                "auditor": "g2p_spar_mapper.group_spar_auditor",
                "steward": "g2p_spar_bank_directory.group_spar_steward",
                "administrator": "g2p_spar_bank_directory.group_spar_administrator",
                "employee": "base.group_user",
                "portal": "base.group_portal",
                "public": "base.group_public",
            }.items()
        }
        cls.actor = Actor(
            "staff", cls.users["officer"].id, purpose="Test", transaction="T-1"
        )

    @classmethod
    def bank_fa(cls, number=1, branch=0):
        answers = {
            "fsp": cls.bank.id,
            "branch": cls.branches[branch].id,
            "account_number": f"{100000000000 + number}",
        }
        return cls.bank_type._compose(answers).fa

    @classmethod
    def wallet_fa(cls, number=1):
        answers = {
            "fsp": cls.wallet.id,
            "mobile_number": f"+2547{12000000 + number}",
        }
        return cls.mobile_type._compose(answers).fa

    def item(self, number=1, fa=None, **values):
        return LinkItem(wire_id(number), self.bank_fa() if fa is None else fa, **values)

    def link(self, *items, actor=None):
        return self.mapper._link(list(items), actor or self.actor)

    def update(self, *items, actor=None):
        return self.mapper._update(list(items), actor or self.actor)

    def remove(self, *numbers, fa=""):
        items = [UnlinkItem(wire_id(number), fa) for number in numbers]
        return self.mapper._unlink(items, self.actor)

    def resolve(self, number=1, scope=DETAILS, **values):
        item = ResolveItem(**{"id": wire_id(number), "scope": scope, **values})
        return self.mapper._resolve([item], self.actor)[0]

    def codes(self, outcomes):
        return [outcome.code for outcome in outcomes]

    def periods(self, number=1):
        """Periods of an ID as the superuser sees them, oldest first."""
        key = self.mapper._id_key(wire_id(number))
        return self.mappings.sudo().search([("id_key", "=", key)], order="id")

    def history(self, number=1):
        """Ledger rows of an ID, oldest first."""
        return self.events.sudo().search(
            [("mapping_id", "in", self.periods(number).ids)], order="id"
        )
