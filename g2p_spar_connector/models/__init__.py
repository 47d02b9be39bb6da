# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from . import g2p_spar_connector
from . import g2p_spar_connector_adapter
from . import g2p_spar_connector_adapter_local
from . import g2p_spar_connector_adapter_g2p_connect
from . import g2p_spar_change
from . import g2p_spar_change_apply
from . import g2p_spar_mapping
