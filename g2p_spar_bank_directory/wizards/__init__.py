from . import g2p_spar_fsp_import_wizard
