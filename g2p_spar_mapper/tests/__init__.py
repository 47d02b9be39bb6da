from . import test_api_bad_input
from . import test_api_rows
from . import test_client
from . import test_g2p_connect
