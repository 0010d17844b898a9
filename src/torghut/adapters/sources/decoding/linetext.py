"""The text of a line: UTF-8 without NUL, less the CR before its end."""

from __future__ import annotations

from torghut.adapters.sources.decoding.verdicts import RefusedError
from torghut.schemas.codes import RefusalCode


def decode_line(line: bytes) -> str:
    """Return the text of ``line``.

    Raises:
        RefusedError: It is no text.

    Example:
        >>> decode_line(b"1,2" + bytes([13]))
        '1,2'
    """
    try:
        text = line.removesuffix(b"\r").decode("utf-8")
    except UnicodeDecodeError as error:
        raise RefusedError(RefusalCode.UNDECODABLE) from error
    if "\0" in text:
        raise RefusedError(RefusalCode.UNDECODABLE)
    return text


def decode_fields(line: bytes, count: int) -> list[str]:
    """Return the ``count`` fields between the commas of ``line``.

    Raises:
        RefusedError: It is no text, or has another number of fields.
    """
    fields = decode_line(line).split(",")
    if len(fields) != count:
        raise RefusedError(RefusalCode.UNDECODABLE)
    return fields
