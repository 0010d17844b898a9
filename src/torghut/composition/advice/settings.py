"""Where the environment says the model's endpoint is; its key is named by its file."""

from __future__ import annotations

import ipaddress
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final
from urllib.parse import urlsplit

from torghut.kernel.errors import ExitCode, TorghutError
from torghut.settings import Variable

ENDPOINT: Final = "TORGHUT_REASONING_ENDPOINT"
MODEL: Final = "TORGHUT_REASONING_MODEL"
KEY_FILE: Final = "TORGHUT_REASONING_KEY_FILE"
AUTHORITIES: Final = "TORGHUT_REASONING_AUTHORITIES_FILE"

_OTHERS: Final = 0o077
_KEY_BYTES_MAX: Final = 4096

VARIABLES: Final = (
    Variable(
        name=ENDPOINT,
        default="none: nobody is asked for advice",
        meaning="OpenAI-compatible API that is asked for advice, up to and with its version.",
    ),
    Variable(
        name=MODEL,
        default="none: needed where the endpoint is set",
        meaning="Model to ask for there, by the name that its answers carry.",
    ),
    Variable(
        name=KEY_FILE,
        default="none: no token is sent",
        meaning="File that holds the endpoint's token, readable by its owner alone.",
    ),
    Variable(
        name=AUTHORITIES,
        default="none besides those of public authorities",
        meaning="File of certificates (PEM) that vouch for the endpoint as well.",
    ),
)
"""All of them; ``docs/reference/settings.md`` is made from this table too."""


class EndpointSettingError(TorghutError):
    """The environment says of the model's endpoint what cannot be."""

    code: ClassVar[str] = "settings.endpoint"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, variable: str, expected: str, found: str) -> None:
        super().__init__(f"{variable}: expected {expected}, found {found}")
        self.variable = variable
        self.expected = expected
        self.found = found


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointAccess:
    """Where the endpoint is, and how to be let in.

    Attributes:
        url: Of the API.
        model: To ask for.
        key: Token; empty for none. It is in no message and no representation.
        authorities: File of certificates that are trusted as well; None for none.
    """

    url: str
    model: str
    key: str
    authorities: str | None

    def __repr__(self) -> str:
        """Return where it is, without the key."""
        return f"EndpointAccess(url={self.url!r}, model={self.model!r})"


def endpoint_access(environment: Mapping[str, str] | None = None) -> EndpointAccess:
    """Return where the endpoint is.

    Raises:
        EndpointSettingError: The environment does not say, or says what cannot be.
    """
    env = os.environ if environment is None else environment
    url, model = env.get(ENDPOINT, ""), env.get(MODEL, "")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    named = bool(parts.hostname) and port != 0 and "@" not in parts.netloc
    if parts.scheme not in {"http", "https"} or not named or parts.hostname is None:
        expected = "http:// or https://, a host and the API's path, without a password"
        raise EndpointSettingError(variable=ENDPOINT, expected=expected, found=_shown(url))
    if parts.scheme == "http" and not _is_here(parts.hostname):
        expected = "https:// for another machine: what is said would be open to read on the way"
        raise EndpointSettingError(variable=ENDPOINT, expected=expected, found=_shown(url))
    if parts.query or parts.fragment:
        raise EndpointSettingError(
            variable=ENDPOINT, expected="nothing behind the path", found="a query or a fragment"
        )
    if not model:
        raise EndpointSettingError(variable=MODEL, expected="a model's name", found="none")
    key_file, authorities = env.get(KEY_FILE, ""), env.get(AUTHORITIES, "")
    return EndpointAccess(
        url=url,
        model=model,
        key=_key(Path(key_file)) if key_file else "",
        authorities=_file(authorities) if authorities else None,
    )


def _is_here(host: str) -> bool:
    """Say whether a host is this machine, whatever a resolver says."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _key(path: Path) -> str:
    """Return the token in a file that its owner alone may read.

    Whatever else is there, such as a pipe, is not read: it might never end.
    """
    expected = "a file of one line that nobody but its owner may read (chmod 600)"
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            private = stat.S_ISREG(mode) and not mode & _OTHERS
            body = file.read(_KEY_BYTES_MAX + 1) if private else b""
    except OSError as error:
        raise EndpointSettingError(
            variable=KEY_FILE, expected=expected, found=error.strerror or "none"
        ) from error
    if not private:
        raise EndpointSettingError(
            variable=KEY_FILE, expected=expected, found=f"mode {stat.S_IMODE(mode):o}"
        )
    lines = body.split()
    if len(lines) != 1 or len(body) > _KEY_BYTES_MAX or not lines[0].isascii():
        raise EndpointSettingError(variable=KEY_FILE, expected=expected, found="something else")
    return lines[0].decode("ascii")


def _file(name: str) -> str:
    """Return the name of a file that is there."""
    if not Path(name).is_file():
        raise EndpointSettingError(variable=AUTHORITIES, expected="a file", found="none")
    return name


def _shown(url: str) -> str:
    """Return a URL as it may be shown: what stands before an @ may be a secret."""
    return "nothing" if not url else "something else" if "@" in url else url[:80]
