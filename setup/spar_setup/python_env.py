# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Virtual environments in the cache, one per set of requirements."""

import hashlib
import os
import subprocess

from . import base_python, debian, places
from .console import run, step

RUN = ("requirements.txt",)
TEST = ("requirements.txt", "test-requirements.txt")


def ensure(names=RUN):
    """Return the Python of the environment with exactly these requirement files.

    The files pin every package, also those that packages need, so pip has nothing to
    choose (``--no-deps``); that also keeps it from looking for an ``odoo`` package.

    :param names: requirement files of the checkout
    """
    files = [places.ROOT / name for name in names]
    return _ensure("suite", files, ["--no-deps"])


def ensure_peer(name):
    """Return the Python of the environment of one test peer or testing tool.

    :param str name: as in ``tests/<part>/requirements-<name>.txt``
    """
    (file,) = places.ROOT.glob(f"tests/*/requirements-{name}.txt")
    # The files are complete, and some peers ask for packages that need a compiler and
    # that they never import.
    return _ensure(f"peer-{name}", [file], ["--no-deps"])


def site_packages(python):
    """The folder of an environment's packages."""
    (found,) = python.parents[1].glob("lib/python3.*/site-packages")
    return found


def _ensure(kind, files, options):
    base = base_python.find()
    content = b"".join(file.read_bytes() for file in files) + base.version.encode()
    key = hashlib.sha256(content).hexdigest()[:12]
    folder = places.CACHE / "venv" / f"{kind}-{key}"
    python = folder / "bin/python"
    with places.lock(places.CACHE / "venv.lock"):
        # A virtual environment cannot be renamed; a file tells that it is complete.
        complete = folder / ".complete"
        if not complete.exists():
            _make(kind, folder, python, files, options)
            complete.touch()
    return python


def _make(kind, folder, python, files, options):
    log = places.LOGS / f"pip-{kind}.log"
    listed = [part for file in files for part in ("-r", file)]
    with step(f"Python packages ({', '.join(file.name for file in files)}, once)"):
        places.remove(folder)
        places.need_space(places.CACHE, 1500, "the Python environment")
        debian.install(base_python.missing())
        base = base_python.find()
        run([base.path, "-m", "venv", folder], "The Python environment", log)
        run(
            [python, "-m", "pip", "install", "--disable-pip-version-check"]
            + ["--no-input", "--retries", "3", "--progress-bar", "off", "--no-compile"]
            + [*options, *listed],
            "Installing Python packages",
            log,
            env=clean_environment(),
        )


def clean_environment(**extra):
    """The caller's environment without what would leak into another Python.

    Byte code goes to the cache, so that the second start is quick even where the
    caller forbids it and the checkout stays clean.
    """
    drop = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if name not in drop}
    return {**kept, "PYTHONPYCACHEPREFIX": str(places.CACHE / "pyc"), **extra}


def output(python, code):
    """What a line of Python prints in an environment."""
    return subprocess.run(
        [python, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()
