"""What every command about stages shares: who asks, for which commit, with which evidence."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Final

import click
from typing_extensions import override

from torghut.artifacts.paths import stays_below
from torghut.artifacts.signatures import fingerprint, parse_private_key
from torghut.composition import governing, standby
from torghut.eventlog.envelopes import Causes
from torghut.governance.approvals.errors import KeyUndeclaredError
from torghut.governance.approvals.keyring import keyring_of
from torghut.governance.stages.shown import Offered
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.schemas.declarations.roadmap import ExitCriterion
from torghut.schemas.governing.fields import Person
from torghut.schemas.staging.test_report import Tree
from torghut.settings import COMMIT, artifact_dir
from torghut.workflows.staging.moving import offered

_COMMIT: Final = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?", re.ASCII)
_ARTIFACT: Final = re.compile(
    r"[A-Za-z0-9_-][A-Za-z0-9._@-]*(/[A-Za-z0-9_-][A-Za-z0-9._@-]*){0,15}", re.ASCII
)
_UNNAMED: Final = re.compile(r"[^A-Za-z0-9._:@-]+", re.ASCII)


class CommitUnknownError(TorghutError):
    """Nobody can tell which commit runs, and without it a report of tests shows nothing."""

    code: ClassVar[str] = "stage.commit-unknown"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self) -> None:
        super().__init__(
            "expected a commit, found none: Git knows nothing of the declarations' folder; "
            f"give it with --commit, or set {COMMIT}"
        )


class CriterionUnknownError(TorghutError):
    """Evidence is offered for a criterion that is not asked for in the stage."""

    code: ClassVar[str] = "stage.criterion-unknown"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, found: str, asked: Sequence[ExitCriterion]) -> None:
        known = ", ".join(one.id for one in asked)
        super().__init__(f"expected an exit criterion of the stage ({known}), found {found}")
        self.found = found


class CommitType(click.ParamType):
    """A whole commit of Git."""

    name = "sha"

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        text = str(value).lower()
        if not _COMMIT.fullmatch(text):
            self.fail(f"expected all 40 or 64 digits of a commit, found {value!r}", param, ctx)
        return text


class EvidenceType(click.ParamType):
    """A criterion and a file: ``ID=PATH``."""

    name = "id=path"

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        criterion, equals, path = str(value).partition("=")
        if not (criterion and equals and path):
            self.fail(f"expected ID=PATH, found {value!r}", param, ctx)
        below = _below_root(path)
        if not stays_below(below) or _ARTIFACT.fullmatch(below) is None:
            self.fail(f"expected a file below {artifact_dir()}, found {path!r}", param, ctx)
        return criterion, below


commit_option: Final = click.option(
    "--commit", type=CommitType(), help=f"That runs; by default {COMMIT}, else what Git says."
)
"""The option ``--commit``; the command's parameter has the same name."""

evidence_option: Final = click.option(
    "--evidence",
    "evidence",
    multiple=True,
    type=EvidenceType(),
    help="A criterion's id and the file below the artifact folder that shows it; may be repeated.",
)
"""The option ``--evidence``; the command's parameter has the same name."""

key_option: Final = click.option(
    "--key",
    "key_file",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Your private key, Ed25519 in PEM; to go on, one whose public key is declared.",
)
"""The option ``--key``; the command's parameter is ``key_file``."""

reason_option: Final = click.option("--reason", required=True, help="Why; kept for ever.")
"""The option ``--reason``; the command's parameter has the same name."""


def declared_person(key_file: Path) -> Person:
    """Return who asks, as declared: by the role that their key acts in.

    Raises:
        KeyUnusableError: The file holds no private key.
        KeyUndeclaredError: Nobody is known by that key, or only the scheduler.
    """
    found = fingerprint(parse_private_key(key_file.read_bytes()).public_key())
    holder = keyring_of(governing.owners()).holder(found)
    if not holder.roles:
        raise KeyUndeclaredError(expected="a person's key", found=f"that of the {holder.role}")
    return holder.person


def anybody(key_file: Path) -> Person:
    """Return who asks, whoever that is: as declared, else as the user and machine.

    Raises:
        KeyUnusableError: The file holds no private key.
    """
    found = fingerprint(parse_private_key(key_file.read_bytes()).public_key())
    holder = keyring_of(governing.owners()).holders.get(found)
    if holder is not None:
        return holder.person
    name = _UNNAMED.sub("-", standby.person()).strip("-.:@_") or "somebody"
    return Person(name=name, key=found)


def commit_in_force(asked: str | None) -> tuple[str, Tree]:
    """Return the commit that runs, and whether its tree is ``clean``, ``modified``, ``unknown``.

    Raises:
        CommitUnknownError: Nobody can tell.
        CommitMalformedError: The environment names none.
    """
    if asked is not None:
        return asked, "unknown"
    found = governing.commit_here()
    if found is None:
        raise CommitUnknownError
    return found.commit, found.tree


def offered_files(
    asked: Sequence[ExitCriterion], evidence: Sequence[tuple[str, str]]
) -> Mapping[str, Offered]:
    """Return what is offered, by the criterion's id.

    Raises:
        CriterionUnknownError: No such criterion is among those asked for.
    """
    known = {one.id for one in asked}
    for name, _ in evidence:
        if name not in known:
            raise CriterionUnknownError(found=name, asked=asked)
    store = standby.artifact_root(artifact_dir())
    return {name: offered(store, path) for name, path in evidence}


def _below_root(path: str) -> str:
    """Return a path as seen from the artifact folder, if it is in there; else as it was typed."""
    root = artifact_dir()
    whole = Path(os.path.normpath(Path.cwd() / path))
    return whole.relative_to(root).as_posix() if whole.is_relative_to(root) else path


def causes(command: str) -> Causes:
    """Return why a command appends: itself."""
    return Causes(correlation_id=standby.ids().new_id(), causation_id=command)
