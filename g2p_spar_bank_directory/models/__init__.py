from . import g2p_spar_typed_text
from . import g2p_spar_directory_mixin
from . import g2p_spar_strategy
from . import g2p_spar_account_type
from . import g2p_spar_account_type_field
from . import g2p_spar_fsp
from . import g2p_spar_fsp_branch
from . import g2p_spar_fsp_import
