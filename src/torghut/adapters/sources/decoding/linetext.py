"""The text of a line: UTF-8 without NUL, less the CR before its end."""

from __future__ import annotations


def decode_line(line: bytes) -> str | None:
    """Return the text of ``line``, or None if it is none.

    Example:
        >>> decode_line(b"1,2" + bytes([13]))
        '1,2'
        >>> decode_line(bytes([255])) is decode_line(bytes([0])) is None
        True
    """
    if b"\0" in line:
        return None
    try:
        return line.removesuffix(b"\r").decode("utf-8")
    except UnicodeDecodeError:
        return None
