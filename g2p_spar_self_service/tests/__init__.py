from . import test_access
from . import test_bad_input
from . import test_beneficiary_login
from . import test_draft
from . import test_language
from . import test_other_people
from . import test_portal
from . import test_tour
