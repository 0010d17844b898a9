"""The environment, read once: where declarations, artifacts and compiled kernels are."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar, Final

from torghut.kernel.errors import ExitCode, TorghutError
from torghut.schemas.observing.levels import LEVELS, Level

DECLARATIONS_DIR: Final = "TORGHUT_DECLARATIONS_DIR"
ARTIFACT_DIR: Final = "TORGHUT_ARTIFACT_DIR"
CACHE_DIR: Final = "TORGHUT_CACHE_DIR"
COMMIT: Final = "TORGHUT_COMMIT"
REVISION: Final = "TORGHUT_REVISION"
KNATIVE_REVISION: Final = "K_REVISION"
STABLE_REVISION: Final = "TORGHUT_STABLE_REVISION"
CLUSTER: Final = "TORGHUT_CLUSTER"
DEBUG: Final = "TORGHUT_DEBUG"
LOG_LEVEL: Final = "TORGHUT_LOG_LEVEL"
TRACES_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
OTLP_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
TRACING_DISABLED: Final = "OTEL_SDK_DISABLED"

DECLARATION_FOLDERS: Final = ("streams", "governance", "router")
"""The folders without which no decision can be made; by them a root is recognised."""

_REVISION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}", re.ASCII)
_PACKAGE: Final = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """An environment variable that Torghut reads.

    Attributes:
        name: As it is set.
        default: What holds where it is not set, in words.
        meaning: What it is, in one sentence.
    """

    name: str
    default: str
    meaning: str


VARIABLES: Final = (
    Variable(
        name=DECLARATIONS_DIR,
        default="the installed package's own, else the checkout",
        meaning="Folder that holds streams/, governance/, router/ and the other declarations.",
    ),
    Variable(
        name=ARTIFACT_DIR,
        default="`./var/torghut`",
        meaning="Folder for everything produced at run time: logs, reports, packages.",
    ),
    Variable(
        name=CACHE_DIR,
        default="`torghut` in the user's cache folder; memory where that is not writable",
        meaning=(
            "Folder for compiled kernels, the newest three builds of each; safe to delete. "
            "Machine code is run from it: one that belongs to somebody else, that others may "
            "write, or that is a link is not used, and `torghut doctor` says so."
        ),
    ),
    Variable(
        name=COMMIT,
        default="what Git says of the declarations' folder",
        meaning="Whole commit of the code that runs, where no checkout can be asked: in an image.",
    ),
    Variable(
        name=REVISION,
        default=f"`{KNATIVE_REVISION}`, which Knative sets, else version and build of the kernel",
        meaning="Name of what is deployed as one; the switch `last-stable-revision` fences it.",
    ),
    Variable(
        name=STABLE_REVISION,
        default="the revision of the worker that was here before",
        meaning="Revision that gets the traffic when `last-stable-revision` is thrown.",
    ),
    Variable(
        name=CLUSTER,
        default="none: the traffic patch is written and not applied",
        meaning="Context of kubectl in which the switch `last-stable-revision` moves the traffic.",
    ),
    Variable(
        name=DEBUG,
        default="one line",
        meaning="Anything: an error that nobody foresaw is shown with its traceback.",
    ),
    Variable(
        name="TORGHUT_URL",
        default="`http://127.0.0.1:8787`",
        meaning="Where the live service listens; read by `torghut.client` and its commands.",
    ),
    Variable(
        name="TORGHUT_TOKEN_FILE",
        default="none",
        meaning="File that holds the token to use there; read by the same.",
    ),
    Variable(
        name=LOG_LEVEL,
        default="`info`",
        meaning=f"Least grave lines of the service's own log: {', '.join(LEVELS)}.",
    ),
    Variable(
        name="TORGHUT_DATABASE_URL",
        default="none",
        meaning="PostgreSQL of this machine, password and all; tests use it instead of their own.",
    ),
    Variable(
        name="TORGHUT_DATABASE_PASSWORD_FILE",
        default="`PGPASSFILE`, which the driver reads",
        meaning="File that holds the password of the database, and nothing else.",
    ),
    Variable(
        name=TRACES_ENDPOINT,
        default=f"`/v1/traces` below `{OTLP_ENDPOINT}`",
        meaning="Collector that `torghut serve` exports traces to; needs the extra `otel`.",
    ),
    Variable(
        name=OTLP_ENDPOINT,
        default="no traces",
        meaning=(
            "The same for all kinds of telemetry. Once one of the two is set, OpenTelemetry's own "
            "library reads its other standard variables, such as `OTEL_SERVICE_NAME`."
        ),
    ),
    Variable(
        name=TRACING_DISABLED,
        default="`false`",
        meaning="`true`: no traces, whatever else is set.",
    ),
)
"""All of them; ``docs/reference/settings.md`` is made from this table."""


class DeclarationsMissingError(TorghutError):
    """No folder of declarations was found; set ``TORGHUT_DECLARATIONS_DIR`` or reinstall."""

    code: ClassVar[str] = "settings.declarations-missing"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, looked_in: tuple[Path, ...]) -> None:
        folders = ", ".join(f"{name}/" for name in DECLARATION_FOLDERS)
        super().__init__(
            f"expected a folder with {folders}, found none at "
            f"{', '.join(map(str, looked_in))}; set {DECLARATIONS_DIR} or reinstall torghut"
        )
        self.looked_in = looked_in


class LogLevelUnknownError(TorghutError):
    """``TORGHUT_LOG_LEVEL`` is set to something that is no level."""

    code: ClassVar[str] = "settings.log-level-unknown"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, found: str) -> None:
        super().__init__(
            f"{LOG_LEVEL}: expected one of {', '.join(LEVELS)}, found {found!r}; "
            "correct it or unset it"
        )
        self.found = found


class CommitMalformedError(TorghutError):
    """``TORGHUT_COMMIT`` is set to something that is no whole commit."""

    code: ClassVar[str] = "settings.commit-malformed"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, found: str) -> None:
        super().__init__(
            f"{COMMIT}: expected all 40 or 64 digits of a commit, found {found!r}; "
            "correct it or unset it"
        )
        self.found = found


class RevisionMalformedError(TorghutError):
    """``TORGHUT_REVISION`` is set to what cannot name a revision."""

    code: ClassVar[str] = "settings.revision-malformed"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, found: str) -> None:
        super().__init__(
            f"{REVISION}: expected at most 128 letters, digits and ._+-, a letter or digit first, "
            f"found {found[:80]!r}; correct it or unset it"
        )
        self.found = found


@dataclass(frozen=True, slots=True)
class TracingTarget:
    """Where traces are to go, and which variable says so."""

    endpoint: str
    variable: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the environment says, made absolute.

    Attributes:
        declarations_dir: Parent of ``streams/``, ``governance/``, ``router/`` and the others.
        trading_autonomy_artifact_dir: Where everything produced at run time goes.
        cache_dir: Where compiled kernels are kept; None where nothing is writable.
    """

    declarations_dir: Path
    trading_autonomy_artifact_dir: Path
    cache_dir: Path | None


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings that ``environment`` makes; an empty value counts as not set.

    Raises:
        DeclarationsMissingError: No folder of declarations where they should be.
    """
    return Settings(
        declarations_dir=_declarations_dir(environment),
        trading_autonomy_artifact_dir=_artifact_dir(environment),
        cache_dir=_cache_dir(environment),
    )


@cache
def settings() -> Settings:
    """Return this process's settings, read from its environment on the first call.

    Raises:
        DeclarationsMissingError: No folder of declarations where they should be.
    """
    return read_settings(os.environ)


@contextmanager
def standing_in(
    *, declarations: Path, artifacts: Path, more: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Let this process and its children work in another place until the end of the block.

    For a process that plays more than one installation, one after the other: the demo.

    Args:
        declarations: What is declared there.
        artifacts: Where everything produced goes.
        more: Other variables that hold there.
    """
    told = {DECLARATIONS_DIR: str(declarations), ARTIFACT_DIR: str(artifacts), **(more or {})}
    before = {name: os.environ.get(name) for name in told}
    os.environ.update(told)
    settings.cache_clear()
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        settings.cache_clear()


def artifact_dir() -> Path:
    """Return where everything produced at run time goes, also where no declarations are found."""
    return _artifact_dir(os.environ)


def commit(environment: Mapping[str, str] | None = None) -> str | None:
    """Return the commit that the environment names; None where it names none.

    Args:
        environment: This process's own if None.

    Raises:
        CommitMalformedError: It names something else.
    """
    found = (os.environ if environment is None else environment).get(COMMIT, "").strip().lower()
    if not found:
        return None
    if len(found) not in (40, 64) or not set(found) <= set("0123456789abcdef"):
        raise CommitMalformedError(found=found)
    return found


def debugging() -> bool:
    """Return whether errors that nobody foresaw are to be shown whole."""
    return bool(os.environ.get(DEBUG))


def _artifact_dir(environment: Mapping[str, str]) -> Path:
    """Return the folder for everything produced at run time, which need not exist yet."""
    return Path(environment.get(ARTIFACT_DIR) or "var/torghut").absolute()


def log_level(environment: Mapping[str, str] | None = None) -> Level:
    """Return the least grave level of the service's own log that is written.

    Args:
        environment: This process's own if None.

    Raises:
        LogLevelUnknownError: It is set to something else.
    """
    found = (os.environ if environment is None else environment).get(LOG_LEVEL) or "info"
    for level in LEVELS:
        if level == found.lower():
            return level
    raise LogLevelUnknownError(found=found)


def revision(environment: Mapping[str, str] | None = None) -> str:
    """Return the name of what is deployed here as one; empty where nobody says.

    Args:
        environment: This process's own if None.

    Raises:
        RevisionMalformedError: It is set to what cannot name one.
    """
    read = os.environ if environment is None else environment
    found = read.get(REVISION) or read.get(KNATIVE_REVISION) or ""
    if found and not _REVISION.fullmatch(found):
        raise RevisionMalformedError(found=found)
    return found


def stable_revision() -> str:
    """Return the revision that is to get the traffic; empty where nobody says."""
    return os.environ.get(STABLE_REVISION, "")


def cluster() -> str:
    """Return the context of the cluster that is served from; empty where there is none."""
    return os.environ.get(CLUSTER, "")


def tracing_target(environment: Mapping[str, str] | None = None) -> TracingTarget | None:
    """Return where traces are to go; None where nobody asked for any.

    Args:
        environment: This process's own if None.
    """
    read = os.environ if environment is None else environment
    if read.get(TRACING_DISABLED, "").strip().lower() == "true":
        return None
    if traces := read.get(TRACES_ENDPOINT):
        return TracingTarget(endpoint=traces, variable=TRACES_ENDPOINT)
    if every := read.get(OTLP_ENDPOINT):
        return TracingTarget(endpoint=every.rstrip("/") + "/v1/traces", variable=OTLP_ENDPOINT)
    return None


def _declarations_dir(environment: Mapping[str, str]) -> Path:
    """Return the first root that holds declarations; one that was set is the only candidate."""
    explicit = environment.get(DECLARATIONS_DIR)
    candidates = (
        (Path(explicit).absolute(),) if explicit else (_PACKAGE / "_data", _PACKAGE.parents[1])
    )
    for root in candidates:
        if all((root / name).is_dir() for name in DECLARATION_FOLDERS):
            return root
    raise DeclarationsMissingError(looked_in=candidates)


def _cache_dir(environment: Mapping[str, str]) -> Path | None:
    """Return the cache folder, which need not exist yet, or None where it could not be written."""
    folder = _cache_candidate(environment)
    if folder is None:
        return None
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    writable = existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)
    return folder if writable else None


def _cache_candidate(environment: Mapping[str, str]) -> Path | None:
    """Return where the platform keeps caches for this user, if the user has a home."""
    if explicit := environment.get(CACHE_DIR):
        return Path(explicit).absolute()
    if shared := environment.get("XDG_CACHE_HOME"):
        return Path(shared).absolute() / "torghut"
    home = environment.get("HOME")
    if not home:
        return None
    caches = "Library/Caches" if sys.platform == "darwin" else ".cache"
    return Path(home).absolute() / caches / "torghut"
