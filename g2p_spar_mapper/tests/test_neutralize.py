# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""A copy of the database for tests is not the registry."""

from odoo.modules.neutralize import get_neutralization_queries
from odoo.tests import tagged

from .credentials_case import CredentialsCase


@tagged("post_install", "-at_install")
class TestNeutralize(CredentialsCase):
    def test_copy_neither_signs_nor_lets_callers_in(self):
        client = self.new_client("programme", callback_url="https://pay.example.org/")
        secret = self.new_secret(client)
        token = self.new_token(client, secret)
        keys = self.env["g2p.spar.signing.key"]
        keys.create({}).action_use()
        self.env.flush_all()
        for query in get_neutralization_queries(["g2p_spar_mapper"]):
            self.env.cr.execute(query)
        self.env.invalidate_all()
        self.env.registry.clear_cache()
        self.assertFalse(keys._sign(b"{}"))
        self.assertEqual(self.ask(self.form("programme", secret))[0], 401)
        self.assertRefused("err.request.unauthorized", authorization=token)
        self.assertFalse(client.callback_url)
