from . import test_access
from . import test_export
from . import test_import
from . import test_payment_list
from . import test_resolve
