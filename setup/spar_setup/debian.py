# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Debian packages that must be installed on the machine."""

import os
import shutil
import subprocess
from pathlib import Path

from . import places
from .console import Failure, run, step

CHROMIUM = Path("/usr/bin/chromium")
#: Packages that only some tests need, and how to see whether they are there.
OPTIONAL = {
    "chromium": CHROMIUM.exists,
    "libfaketime": lambda: bool(faketime()),
}


def faketime():
    """The library that shifts the clock of a process, or None."""
    return next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


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


def missing(optional=()):
    """Names of the packages this machine lacks.

    :param optional: those of :data:`OPTIONAL` that are needed, too
    """
    packages = []
    if os.environ.get("PGHOST"):
        if not shutil.which("psql"):
            packages.append("postgresql-client")
    elif not server_programs():
        packages += ["postgresql", "postgresql-contrib"]
    return packages + [name for name in optional if not OPTIONAL[name]()]


def ensure(optional=()):
    """Install what is missing.

    :raise Failure: no rights, or apt failed
    """
    install(missing(optional))


def install(packages):
    """Install packages, as root or through sudo.

    :raise Failure: no rights, or apt failed
    """
    if not packages:
        return
    names = " ".join(packages)
    if not shutil.which("apt-get"):
        raise Failure(f"This is not Debian; install what Debian calls: {names}.")
    rights = _rights(names)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with step(f"Debian packages: {names}"):
        needed = 1500 if "chromium" in packages else 500
        places.need_space("/", needed, "installing packages")
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
