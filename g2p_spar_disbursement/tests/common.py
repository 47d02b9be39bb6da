# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import base64

from odoo import Command
from odoo.tests import new_test_user

from odoo.addons.base.tests.common import BaseCommon
from odoo.addons.g2p_spar_mapper.outcomes import OK, Actor, LinkItem

PAYMENTS = "g2p_spar_disbursement.group_spar_payments"


def wire_id(number):
    """An ID of the registry's own kind."""
    return f"token:person-{number:06d}@nationalId"


class DisbursementCommon(BaseCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.officer = new_test_user(cls.env, "test_programme", PAYMENTS)
        cls.other_officer = new_test_user(cls.env, "test_programme_2", PAYMENTS)
        bank_type = cls.env.ref("g2p_spar_bank_directory.account_type_bank")
        wallet_type = cls.env.ref("g2p_spar_bank_directory.account_type_mobile_wallet")
        cls.bank, cls.wallet = cls.env["g2p.spar.fsp"].create(
            [
                {
                    "name": "Test Bank",
                    "code": "TESTBANK",
                    "account_type_ids": [Command.link(bank_type.id)],
                    "branch_ids": [Command.create({"name": "Main", "code": "001"})],
                },
                {
                    "name": "Test Money",
                    "code": "TESTMONEY",
                    "country_id": cls.env.ref("base.ke").id,
                    "account_type_ids": [Command.link(wallet_type.id)],
                },
            ]
        )
        cls.mapper = cls.env["g2p.spar.mapper"]
        cls.actor = Actor("staff", user_id=cls.env.uid)
        cls.usd = cls.env.ref("base.USD")

    @classmethod
    def bank_fa(cls, number):
        return (
            f"account_number:{number}.branch_name:Main.branch_code:001"
            ".bank_name:Test Bank.bank_code:TESTBANK.fa_type:bank"
        )

    @classmethod
    def wallet_fa(cls, number):
        return (
            f"mobile_number:{number}.wallet_provider_name:Test Money"
            ".wallet_provider_code:TESTMONEY.fa_type:mobile_wallet_provider"
        )

    @classmethod
    def link(cls, fas, name="Ada Lovelace", strict=True):
        """Link IDs with addresses. :param dict fas: {ID: address}"""
        items = [LinkItem(one, fa, name) for one, fa in fas.items()]
        outcomes = cls.mapper._link(items, cls.actor._replace(strict=strict))
        assert {outcome.code for outcome in outcomes} <= {OK}, outcomes

    @classmethod
    def import_list(cls, text, user=None, **values):
        """Import pasted text; the wizard when it was refused, else the disbursement."""
        wizard = (
            cls.env["g2p.spar.disbursement.import"]
            .with_user(user or cls.officer)
            .create(
                {
                    "name": "Cash grant",
                    "programme": "Test programme",
                    "currency_id": cls.usd.id,
                    "source": "text",
                    "text": text,
                    **values,
                }
            )
        )
        action = wizard.action_import()
        return wizard.env[action["res_model"]].browse(action["res_id"])

    @classmethod
    def import_file(cls, data, **values):
        """As :meth:`import_list`, with the bytes of an uploaded file."""
        file = base64.b64encode(data)
        return cls.import_list(False, source="file", file=file, **values)

    @classmethod
    def import_payments(cls, payments, **values):
        """:param payments: list of (ID, amount)"""
        lines = "".join(f"{one},{amount}\n" for one, amount in payments)
        return cls.import_list(f"id,amount\n{lines}", **values)

    @classmethod
    def resolve_now(cls, batch):
        """Resolve with jobs run at once."""
        batch.with_context(queue_job__no_delay=True).action_resolve()
        return batch

    @classmethod
    def lines(cls, batch):
        """Lines by number, read without access checks."""
        return {line.line_no: line for line in batch.sudo().line_ids}
