# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl)
"""Odoo 19 itself: the tree its user names in SPAR_ODOO, else a downloaded one.

Odoo is not on the Python index, but Debian's unstable suite has it as a package. It
is downloaded with an apt that is isolated from the machine's own, and unpacked into
the cache; nothing gets installed.
"""

import os
import platform
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from . import places
from .console import Failure, run, step

SERIES = "19.0"
VARIABLE = "SPAR_ODOO"
PACKAGE = "odoo-19"

#: Packages that Odoo's static files link into. Font Awesome comes from Debian 12:
#: later ones lay their files elsewhere.
SIBLINGS = (
    "libjs-jquery/sid",
    "libjs-jquery-form/sid",
    "libjs-underscore/sid",
    "fonts-inconsolata/sid",
    "fonts-montserrat/sid",
    "fonts-ocr-b/sid",
    "fonts-roboto-unhinted/sid",
    "fonts-glyphicons-halflings/sid",
    "fonts-font-awesome/bookworm",
)


class OdooSource(NamedTuple):
    """Where one Odoo lies."""

    import_path: Path  #: the folder in which Python finds ``odoo``
    addons: list  #: its folders of addons
    version: str  #: as far as it is known


def find_or_fetch():
    """Return the Odoo to use.

    :raise Failure: SPAR_ODOO is wrong, or the download failed
    """
    given = os.environ.get(VARIABLE)
    if given:
        return _given(Path(given).expanduser().resolve())
    folder = places.CACHE / "odoo"
    folder.mkdir(exist_ok=True)
    return _cached(folder) or _fetch(folder)


def _given(tree):
    """Take the tree of the user: git checkout, unpacked package or Debian install."""
    for import_path in (
        tree,
        tree.parent,
        tree / "usr/lib/python3/dist-packages",
    ):
        release = import_path / "odoo/release.py"
        if release.is_file() and (import_path / "odoo/addons/base").is_dir():
            break
    else:
        raise Failure(f"{VARIABLE}={tree} is not an Odoo tree: no odoo/release.py.")
    numbers = re.search(r"version_info\s*=\s*\((\d+),\s*(\d+)", release.read_text())
    found = ".".join(numbers.groups()) if numbers else "of an unknown version"
    if found != SERIES:
        raise Failure(f"{VARIABLE}={tree} holds Odoo {found}; SPAR needs {SERIES}.")
    return _source(import_path, found)


def _source(import_path, version):
    """Find the addons: beside the package in a git checkout, else all inside it."""
    inside, beside = import_path / "odoo/addons", import_path / "addons"
    if (inside / "web").exists():
        return OdooSource(import_path, [inside], version)
    if (beside / "web").exists():
        return OdooSource(import_path, [inside, beside], version)
    raise Failure(f"The Odoo in {import_path} lacks its web addon.")


def _cached(folder):
    """The newest complete download, or None; no network is asked."""
    trees = sorted(folder.glob("[0-9]*"), key=lambda path: path.stat().st_mtime)
    if not trees:
        return None
    return _source(trees[-1] / "usr/lib/python3/dist-packages", trees[-1].name)


def _fetch(folder):
    """Download and unpack; the result gets its name only when it is complete."""
    with step("Odoo 19 from Debian's unstable suite (about 130 MB, once)"):
        places.need_space(folder, 2500, "Odoo 19")
        work = folder / "new"
        places.remove(work)
        debs = work / "debs"
        debs.mkdir(parents=True)
        apt = _isolated_apt(work / "apt")
        run(
            [*apt, "-o", "APT::Update::Error-Mode=any", "update"],
            "Reading the lists of Debian's unstable suite",
            places.LOGS / "odoo-lists.log",
        )
        try:
            run(
                [*apt, "download", f"{PACKAGE}/sid", *SIBLINGS],
                "The download of Odoo 19",
                places.LOGS / "odoo-download.log",
                measure=lambda: _size(work),
                cwd=debs,
            )
        except Failure as err:
            raise Failure(
                f"{err} If Debian no longer has the package {PACKAGE}, set "
                f"{VARIABLE} to a folder with Odoo {SERIES}."
            ) from err
        tree = work / "tree"
        for deb in sorted(debs.glob("*.deb")):
            run(
                ["dpkg", "-x", deb, tree],
                f"Unpacking {deb.name}",
                places.LOGS / "odoo-unpack.log",
            )
        version = next(debs.glob(f"{PACKAGE}_*.deb")).name.split("_")[1]
        tree.rename(folder / version)
        places.remove(work)
    return _cached(folder)


def _isolated_apt(folder):
    """An apt-get with its own lists, that touches nothing of the machine.

    :param Path folder: gets its state
    :return: the command's first words
    """
    for name in ("lists/partial", "cache/archives/partial", "state"):
        (folder / name).mkdir(parents=True)
    mirror = _mirror()
    key = "/usr/share/keyrings/debian-archive-keyring.gpg"
    sources = folder / "sources.list"
    sources.write_text(
        f"deb [signed-by={key}] {mirror} sid main\n"
        f"deb [signed-by={key}] {mirror} bookworm main\n"
    )
    settings = {
        "Dir::State": folder / "state",
        "Dir::State::Lists": folder / "lists",
        "Dir::State::Status": "/var/lib/dpkg/status",
        "Dir::Cache": folder / "cache",
        "Dir::Etc::SourceList": sources,
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::Etc::Preferences": "/dev/null",
        "Dir::Etc::PreferencesParts": "/dev/null",
        # Root's apt would download as a user that cannot reach a private folder.
        "APT::Sandbox::User": "",
        "Acquire::Languages": "none",
    }
    options = [f"-o{name}={value}" for name, value in settings.items()]
    return ["apt-get", "-q", *options]


def _mirror():
    """Address of the Debian mirror this machine uses already."""
    release = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    try:
        listed = subprocess.run(
            ["apt-get", "indextargets", "--no-release-info"]
            + ["-o", "APT::Get::IndexTargets::OnlyPresent=false"]
            + ["--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)"]
            + ["Created-By: Packages"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError) as err:
        raise Failure(
            f"Odoo 19 comes from Debian, but this machine has no working apt-get; "
            f"set {VARIABLE} to a folder with Odoo {SERIES}."
        ) from err
    for line in listed.splitlines():
        suite, component, address = line.split()
        if (suite, component) == (release, "main"):
            return address
    raise Failure(
        f"No Debian mirror is among this machine's package sources; set "
        f"{VARIABLE} to a folder with Odoo {SERIES}."
    )


def _size(folder):
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return f"{size / 1e6:.0f} MB"
