from . import controllers
from . import models
from .triggers import drop_triggers as uninstall_hook
