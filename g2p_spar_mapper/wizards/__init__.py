from . import g2p_spar_client_try
from . import g2p_spar_freeze_wizard
from . import g2p_spar_reveal
