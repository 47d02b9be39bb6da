from . import g2p_spar_beneficiary_login
from . import portal_wizard
