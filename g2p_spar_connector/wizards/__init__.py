# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from . import g2p_spar_change_wizard
