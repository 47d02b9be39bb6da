from . import api_docs
from . import g2p_connect
from . import well_known
from . import token
from . import mapping_import
