from . import g2p_connect
