from . import disbursement_import
