from . import g2p_spar_freeze_wizard
from . import g2p_spar_reveal
from . import client_try
