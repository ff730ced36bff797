"""Whose an address is: told by the part of its host that somebody registered."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import urlsplit

from ..engine import extra

_LEGAL = re.compile(
    "inc|incorporated|corp|corporation|co|company|llc|llp|ltd|limited|plc|gmbh|ag|kg|kgaa|ug|se|sa|"
    "sarl|sas|srl|spa|bv|nv|ab|as|oy|the|and"
)
_BESIDE = re.compile(
    "|careers?|jobs?|karriere|empleo|team|work|people|group|gruppe|groupe|global|international|hq|"
    "labs|foundation|shop|store|online|app|blog|press|investors"
)
"""What companies put behind their name where they have a second domain; or nothing."""


def is_own(url: str, home: str, company: str) -> bool:
    """Whether an address is of the company whose home page is at `home`: on the same host or
    registered domain, or on a domain that is the company's name (or the name that the home page's
    has), alone or with a word such as careers behind it."""
    if urlsplit(url).netloc.lower() == urlsplit(home).netloc.lower():
        return True
    domain, label = _registered(url)
    own, own_label = _registered(home)
    if domain and domain == own:
        return True
    words = re.findall(r"[a-z0-9]+", _plain(company))
    names = {
        "".join(words),
        "".join(word for word in words if not _LEGAL.fullmatch(word)),
        own_label,
    }
    found = label.replace("-", "")
    return any(
        found.startswith(name) and _BESIDE.fullmatch(found.removeprefix(name))
        for name in names - {""}
    )


def _registered(url: str) -> tuple[str, str]:
    """The domain that was registered, and its first label: `acme.co.uk` and `acme`. Both are empty
    for a bare address; below github.io and the like, where everybody has a name for the asking, the
    label is."""
    host = urlsplit(url).hostname or ""
    if ":" in host or host.rpartition(".")[2].isdigit():
        return "", ""
    labels = host.removeprefix("www.").split(".")
    get_tld = extra.need("web", "tld").get_tld
    public, shared = (
        get_tld(f"https://{host}", as_object=True, fail_silently=True, search_private=private)
        for private in (False, True)
    )
    if not public:  # a name of one's own network, or no name at all
        return ".".join(labels[-2:]), labels[-2] if len(labels) > 1 else ""
    return shared.fld, public.domain if shared.fld == public.fld else ""


def _plain(text: str) -> str:
    """In small letters without accents."""
    return unicodedata.normalize("NFKD", text.lower()).encode("ascii", "ignore").decode()
