from . import res_users
from . import account_draft
