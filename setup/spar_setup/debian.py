# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Debian packages that must be installed on the machine."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from . import places
from .console import Failure, run, step

CHROMIUM = Path("/usr/bin/chromium")


def server_programs():
    """Folder of the newest PostgreSQL server programs, or None.

    A server without the contrib extensions (pg_trgm) does not count.
    """
    folders = Path("/usr/lib/postgresql").glob("*/bin")
    for programs in sorted(folders, key=lambda path: -int(path.parent.name)):
        version = programs.parent.name
        contrib = Path(f"/usr/share/postgresql/{version}/extension/pg_trgm.control")
        if (programs / "initdb").exists() and contrib.exists():
            return programs
    return None


def missing(chromium=False):
    """Names of the packages this machine lacks.

    :param bool chromium: whether a browser is needed too
    """
    packages = []
    if os.environ.get("PGHOST"):
        if not shutil.which("psql"):
            packages.append("postgresql-client")
    elif not server_programs():
        packages += ["postgresql", "postgresql-contrib"]
    if not (find_spec("ensurepip") and find_spec("venv")):
        packages.append(f"python3.{sys.version_info.minor}-venv")
    if chromium and not CHROMIUM.exists():
        packages.append("chromium")
    return packages


def ensure(chromium=False):
    """Install what is missing, as root or through sudo.

    :raise Failure: no rights, or apt failed
    """
    packages = missing(chromium)
    if not packages:
        return
    names = " ".join(packages)
    if not shutil.which("apt-get"):
        raise Failure(f"This is not Debian; install what Debian calls: {names}.")
    rights = _rights(names)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with step(f"Debian packages: {names}"):
        places.need_space("/", 1500 if chromium else 500, "installing packages")
        run(
            [*rights, "apt-get", "-q", "-o", "APT::Update::Error-Mode=any", "update"],
            "Reading the lists of Debian packages",
            places.LOGS / "apt-update.log",
            env=environment,
        )
        run(
            [*rights, "apt-get", "-q", "-y", "--no-install-recommends", "install"]
            + packages,
            f"Installing the Debian packages {names}",
            places.LOGS / "apt-install.log",
            env=environment,
        )


def _rights(names):
    """The prefix that makes a command run as root."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo"):
        probe = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False)
        if probe.returncode == 0:
            return ["sudo", "-n", "--preserve-env=DEBIAN_FRONTEND"]
    raise Failure(
        f"Debian packages are missing and this user may not install them; "
        f"as root run: apt-get install {names}"
    )
