# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Start Odoo from the tree that SPAR_ODOO_PATH names.

The tree comes last on Python's path, so that a Debian install's folder does not
bring its own versions of the packages in our environment.
"""

import os
import sys

sys.path.append(os.environ["SPAR_ODOO_PATH"])

if __name__ == "__main__":
    from odoo.cli import main

    main()
