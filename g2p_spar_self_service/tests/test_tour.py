# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from odoo.tests import tagged

from .common import AMINA, PortalCase


@tagged("post_install", "-at_install")
class TestTour(PortalCase):
    def test_first_account_with_javascript(self):
        """The same journey with search as you type and the live comparison."""
        self.start_tour("/my", "g2p_spar_first_account", login=self.amina.login)
        change = self.changes(AMINA)
        self.assertEqual((len(change), change.state), (1, "queued"))
