from . import beneficiary_login
