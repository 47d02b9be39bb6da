from . import controllers
from . import models
from .quiet_log import install as post_load
from .triggers import drop_triggers as uninstall_hook
