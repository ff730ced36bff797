"""Forms with files in them: multipart/form-data. https://www.rfc-editor.org/rfc/rfc7578"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from email.parser import HeaderParser
from email.utils import collapse_rfc2231_value
from urllib.parse import quote

from ..errors import BadRequest
from ..value import value

MEDIA = "multipart/form-data"
MOST = 100
"""Fields of a form."""
HEAD = 8192
"""Bytes of a field's head."""


@value
class File:
    """A file that was sent. `mime` is what its sender called it."""

    name: str
    data: bytes
    mime: str = "application/octet-stream"


@value
class Form:
    """Of a field that was sent several times, the last; of a list (`name[]`) all, with commas
    between them."""

    fields: Mapping[str, str]
    files: Mapping[str, File]


def encode_form(form: Form) -> tuple[str, bytes]:
    """The media type, and the bytes."""
    boundary = uuid.uuid4().hex
    out = []
    for name, text in form.fields.items():
        for each in text.split(",") if name.endswith("[]") else (text,):
            out += [_head(boundary, f'name="{_quoted(name)}"'), each.encode(), b"\r\n"]
    for name, file in form.files.items():
        named = f'name="{_quoted(name)}"; filename="{_quoted(file.name)}"'
        media = f"\r\nContent-Type: {file.mime}"
        out += [_head(boundary, named + media), file.data, b"\r\n"]
    return f"{MEDIA}; boundary={boundary}", b"".join([*out, f"--{boundary}--\r\n".encode()])


def _head(boundary: str, words: str) -> bytes:
    return f"--{boundary}\r\nContent-Disposition: form-data; {words}\r\n\r\n".encode()


def _quoted(name: str) -> str:
    """As browsers write a name in quotes."""
    return re.sub(r'["\r\n]', lambda found: quote(found[0]), name)


def decode_form(media: str, body: bytes) -> Form:
    """The form that came with this Content-Type. Raises `BadRequest`."""
    about = HeaderParser().parsestr(f"Content-Type: {media}")
    try:
        boundary = about.get_boundary() or ""
    except ValueError:  # of an odd character set
        boundary = ""
    if about.get_content_type() != MEDIA:
        raise BadRequest(f"The body is not a form with a file in it: {MEDIA}.")
    if not (boundary.isascii() and 0 < len(boundary) <= 70):
        raise BadRequest("The form's Content-Type names no boundary between its fields.")
    fields: dict[str, str] = {}
    files: dict[str, File] = {}
    for piece in _pieces(f"\r\n--{boundary}".encode(), b"\r\n" + body):
        name, found = _field(piece)
        if isinstance(found, File):
            files[name] = found
        elif name.endswith("[]") and name in fields:
            fields[name] += f",{found}"
        else:
            fields[name] = found
    return Form(fields, files)


def _pieces(mark: bytes, body: bytes) -> list[bytes]:
    """What stands between the marks: a head and content each. Before the first and behind the last
    nothing is read."""
    pieces = body.split(mark, MOST + 2)[1:]
    if len(pieces) > MOST + 1:
        raise BadRequest(f"The form has more than {MOST} fields.")
    if not pieces or not pieces[-1].startswith(b"--"):
        raise BadRequest("The form is cut: its last boundary is missing.")
    return pieces[:-1]


def _field(piece: bytes) -> tuple[str, str | File]:
    line_end, _, rest = piece.partition(b"\r\n")
    head, blank, content = rest.partition(b"\r\n\r\n")
    if line_end.strip() or not blank or len(head) > HEAD:
        raise BadRequest("A field of the form has no head that can be read.")
    try:
        about = HeaderParser().parsestr(head.decode())
        names = [about.get_param(key, header="content-disposition") for key in ("name", "filename")]
        name, filename = (None if n is None else _plain(n) for n in names)
        if not name:
            raise BadRequest("A field of the form has no name.")
        if filename is not None:
            mime = about.get_content_type()
            known = re.fullmatch(r"[\w.+-]+/[\w.+-]+", mime, re.ASCII)  # it may be sent on
            return name, File(filename, content, mime) if known else File(filename, content)
        return name, content.decode()
    except ValueError:
        raise BadRequest("A field of the form is not UTF-8.") from None


def _plain(name: str | tuple[str | None, str | None, str]) -> str:
    """A name out of a head, without half characters. Raises `ValueError` for one that is coded
    oddly."""
    whole = name if isinstance(name, str) else collapse_rfc2231_value(name)
    return whole.encode("utf-8", "replace").decode()
