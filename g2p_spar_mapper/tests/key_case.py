# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
import base64
import json
import os
import tempfile
from pathlib import Path
from unittest.mock import patch

from odoo.modules.registry import Registry
from odoo.sql_db import db_connect
from odoo.tests import get_db_name

from .. import keyring

NEW = "test-new"
NEW_KEY = bytes(range(7, 39))
THIRD = "test-third"


class KeyCase:
    """For tests that change the key ring of this process."""

    def use_ring(self, current, keys):
        """Let the server have this key ring until the test ends."""
        folder = self.enterContext(tempfile.TemporaryDirectory())
        path = Path(folder) / "keys.json"
        encoded = {name: base64.b64encode(key).decode() for name, key in keys.items()}
        path.write_text(json.dumps({"current": current, "keys": encoded}))
        self.enterContext(patch.dict(os.environ, {keyring.ENVIRONMENT: str(path)}))
        self.forget_ring()
        self.addCleanup(self.forget_ring)
        return keyring.get_keyring()

    @staticmethod
    def forget_ring():
        keyring.get_keyring.cache_clear()
        Registry(get_db_name()).clear_cache()

    def add_key(self):
        """A new key becomes the current one; older ones stay in the ring."""
        return self.use_ring(NEW, keyring.get_keyring().keys | {NEW: NEW_KEY})

    @staticmethod
    def begin(env):
        """Another server begins with the ring of now."""
        env["g2p.spar.key"]._check_ring(keyring.get_keyring())
        env.cr.commit()

    def forget_new_key(self, current):
        """Take away what :meth:`begin` committed."""
        with db_connect(get_db_name()).cursor() as cr:
            cr.execute(
                "DELETE FROM g2p_spar_key WHERE key_id = ANY(%s)", [[NEW, THIRD]]
            )
            cr.execute(
                "UPDATE g2p_spar_key SET is_older = FALSE WHERE key_id = %s", [current]
            )
