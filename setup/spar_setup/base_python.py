# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""The Python that SPAR's environments are made from.

A Python that was built by hand often lacks optimisations and runs SPAR noticeably
slower; distributions build theirs with them. So the distribution's comes first,
whichever one the caller's PATH has.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from .console import Failure

#: Names another Python to use, by its path.
VARIABLE = "SPAR_PYTHON"
DISTRIBUTION = Path("/usr/bin/python3")
OLDEST = (3, 11)

_PROBE = """
import json, sys
from importlib.util import find_spec
print(json.dumps([sys.version, sys.version_info[:2],
                  bool(find_spec("ensurepip") and find_spec("venv"))]))
"""


class Python(NamedTuple):
    """An interpreter."""

    path: Path
    version: str  #: as ``sys.version``: with its build
    release: tuple  #: major and minor number
    makes_environments: bool  #: Debian has that in a package of its own


def find():
    """The Python to use: the named one, the distribution's, or the one that runs this.

    :rtype: Python
    :raise Failure: the named one is none, or is too old
    """
    if named := os.environ.get(VARIABLE):
        found = probe(Path(named))
        if not found or found.release < OLDEST:
            raise Failure(f"{VARIABLE}={named} is not a Python 3.11 or newer.")
        return found
    found = probe(DISTRIBUTION)
    if found and found.release >= OLDEST:
        return found
    return probe(Path(sys.executable))


def missing():
    """Names of the Debian packages that the Python to use still lacks."""
    found = find()
    if found.makes_environments:
        return []
    major, minor = found.release
    return [f"python{major}.{minor}-venv"]


def probe(path):
    """Look at an interpreter; None if there is none that runs.

    :param Path path: where it may be
    :rtype: Python
    """
    try:
        # a package may be installed meanwhile, so the answer is not kept
        answer = subprocess.run(
            [path, "-I", "-c", _PROBE], capture_output=True, text=True, check=True
        )
        version, release, makes_environments = json.loads(answer.stdout)
    except (OSError, subprocess.CalledProcessError, ValueError):
        return None
    return Python(path, version, tuple(release), makes_environments)
