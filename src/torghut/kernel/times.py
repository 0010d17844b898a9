"""Times as people read them, in UTC: exactly, to the second, or the day alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar

from torghut.kernel.errors import TorghutError
from torghut.kernel.units import NS_PER_S


class MomentMalformedError(TorghutError):
    """A text is no time as Torghut writes it, such as ``2010-01-04T13:00:00.05Z``."""

    code: ClassVar[str] = "kernel.moment-malformed"

    def __init__(self, *, found: str) -> None:
        super().__init__(f"expected a UTC time such as 2010-01-04T13:00:00.05Z, found {found!r}")
        self.found = found


def moment(time_ns: int) -> str:
    """Return a time as exactly as it is known.

    Example:
        >>> moment(1_262_610_000_000_000_000), moment(1_262_610_000_050_000_000)
        ('2010-01-04T13:00:00Z', '2010-01-04T13:00:00.05Z')
    """
    rest = f"{time_ns % NS_PER_S:09}".rstrip("0")
    return f"{instant(time_ns)[:-1]}{'.' if rest else ''}{rest}Z"


def moment_ns(text: str) -> int:
    """Return the time that ``moment`` wrote as ``text``, in nanoseconds since 1970 UTC.

    Raises:
        MomentMalformedError: It is none, or is spelled in another way.

    Example:
        >>> moment_ns("2010-01-04T13:00:00.05Z")
        1262610000050000000
    """
    whole, _, rest = text.removesuffix("Z").partition(".")
    try:
        seconds = int(datetime.fromisoformat(f"{whole}+00:00").timestamp())
        time_ns = seconds * NS_PER_S + int(rest.ljust(9, "0"))
    except ValueError as error:
        raise MomentMalformedError(found=text) from error
    if moment(time_ns) != text:
        raise MomentMalformedError(found=text)
    return time_ns


def instant(time_ns: int) -> str:
    """Return a time to the second that it is in.

    Example:
        >>> instant(1_262_610_000_050_000_000)
        '2010-01-04T13:00:00Z'
    """
    found = datetime.fromtimestamp(time_ns // NS_PER_S, tz=UTC)
    return found.strftime("%Y-%m-%dT%H:%M:%SZ")


def day(time_ns: int) -> str:
    """Return the day of a time.

    Example:
        >>> day(1_262_610_000_000_000_000)
        '2010-01-04'
    """
    return instant(time_ns)[:10]
