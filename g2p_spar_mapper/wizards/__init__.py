from . import g2p_spar_reveal
