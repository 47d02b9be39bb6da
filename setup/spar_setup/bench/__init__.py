# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""The parts of ``setup/bench``.

===========  =====================================================================
``systems``  our registry and the real OpenG2P mapper: filled, started, stopped
``cells``    what is asked of them, and one run of it
``tables``   what came of it, as Markdown
``extras``   our registry alone: larger, over time, where its time goes, imports
===========  =====================================================================

What runs inside other environments (load generator, peer, filling) is in tests/bench.
"""

from .. import places

#: programs of the bench
PROGRAMS = places.ROOT / "tests/bench"
RESULTS = places.STATE / "bench"
