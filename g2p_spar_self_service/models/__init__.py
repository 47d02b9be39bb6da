from . import res_users
from . import res_partner
from . import g2p_spar_account_draft
from . import g2p_spar_change
