# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
from . import test_change
from . import test_change_remote
from . import test_connector
from . import test_g2p_connect
from . import test_sealed_field
from . import test_wizard
