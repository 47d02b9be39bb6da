from . import disbursement
from . import disbursement_line
from . import disbursement_resolve
from . import disbursement_close
from . import disbursement_export
