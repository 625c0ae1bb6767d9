"""Components from the metadata of Debian and Python packages. No I/O.

Both are headers like an e-mail's: Debian's control files (Debian Policy, chapter 5), Python's core metadata.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.parser import HeaderParser

from packageurl import PackageURL
from packaging.utils import canonicalize_name

from trivet.bundle.sbom.document import Part

_BETWEEN = re.compile(r"\n(?:[ \t]*\n)+")


def debian_parts(text: str, *, digest: str = "") -> Iterator[Part]:
    """Those of one control file or of several, as `/var/lib/dpkg/status` has them; packages that were removed aside."""
    for stanza in _BETWEEN.split(text.strip("\n")):
        fields = HeaderParser().parsestr(stanza)
        name, version = fields.get("Package", ""), fields.get("Version", "")
        if not name or not fields.get("Status", "installed").endswith("installed"):
            continue
        qualifiers = {"arch": fields.get("Architecture", "")}
        purl = PackageURL("deb", "debian", name, version, {key: text for key, text in qualifiers.items() if text})
        yield Part(name, version, purl=purl, digest=digest, properties={"source": fields.get("Source", "")})


def python_part(text: str, *, digest: str = "") -> Part | None:
    """That of a METADATA file; None where it names no package."""
    fields = HeaderParser().parsestr(text)
    name, version = fields.get("Name", ""), fields.get("Version", "")
    if not name:
        return None
    licence = fields.get("License-Expression") or fields.get("License") or ""
    return Part(
        name,
        version,
        purl=PackageURL("pypi", None, canonicalize_name(name), version),
        digest=digest,
        licence=licence if "\n" not in licence else "",  # some paste the whole text
    )
