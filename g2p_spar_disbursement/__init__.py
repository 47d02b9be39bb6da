# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from . import controllers
from . import models
from . import wizards


def uninstall_hook(env):
    """Take away what the ORM does not know of: the guard of the snapshots."""
    env.cr.execute("DROP FUNCTION IF EXISTS g2p_spar_disbursement_line_keep CASCADE")
