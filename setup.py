"""What pyproject.toml, which says all else, cannot: README links that lead somewhere from the package index too, and an
sdist of the same bytes from every build with the same SOURCE_DATE_EPOCH.
"""

import gzip
import os
import re
import tarfile
import tomllib
from pathlib import Path

from setuptools import setup
from setuptools.command.sdist import sdist

ROOT = Path(__file__).parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def readme():
    """README.md with links into the repository, at the tag of this version, where it has relative ones."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    files = f"{PROJECT['urls']['Homepage']}/%s/v{PROJECT['version']}/"
    text = re.sub(r"(!\[[^]]*\]\()(?!\w+:)", rf"\g<1>{files % 'raw'}", text)
    return re.sub(r"(?<!!)(\[[^]]*\]\()(?!\w+:|#)", rf"\g<1>{files % 'blob'}", text)


class ReproducibleSdist(sdist):
    """An archive whose entries tell neither when nor by whom it was made."""

    def make_archive(self, base_name, format, root_dir=None, base_dir=None, owner=None, group=None):
        epoch = os.environ.get("SOURCE_DATE_EPOCH")
        if epoch is None or format != "gztar":
            return super().make_archive(base_name, format, root_dir, base_dir, owner, group)

        def anonymous(entry):
            entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname = int(epoch), 0, 0, "", ""
            entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
            return entry

        name = f"{base_name}.tar.gz"
        with open(name, "wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=int(epoch)) as packed:
            with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
                archive.add(os.path.join(root_dir or "", base_dir), base_dir, filter=anonymous)
        return name


setup(
    long_description=readme(),
    long_description_content_type="text/markdown",
    cmdclass={"sdist": ReproducibleSdist},
)
