from . import controllers
from . import models
from . import quiet_log
from . import steady_server
from . import wizards
from .triggers import drop_triggers as uninstall_hook


def post_load():
    """Once per process: what concerns all of it and not one database."""
    quiet_log.install()
    steady_server.install()
