"""A candidate put on record to wait for its run, with the word of who made it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typing_extensions import override

from torghut.artifacts.signatures import fingerprint, parse_private_key
from torghut.composition import governing, standby
from torghut.entrypoints.cli.approval.asking import KeyType
from torghut.entrypoints.cli.console import print_fields, print_json
from torghut.governance.approvals.keyring import keyring_of
from torghut.governance.lanes.queue import SubmitCandidate
from torghut.kernel.errors import TorghutError
from torghut.schemas.governing.lanes import LaneAsked
from torghut.schemas.rollout.lane import CandidateSpec, LogWindow
from torghut.schemas.rollout.phases import Target
from torghut.schemas.rollout.run import ExecutionContext
from torghut.settings import artifact_dir
from torghut.workflows.approving.makers import claim_candidate
from torghut.workflows.lane.naming import candidate_digest_of, candidate_id_of, ledger_of
from torghut.workflows.lane.running import lane_command, lane_state


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who made the candidate.

    Attributes:
        fingerprint: Of their key.
        key: It, where it was given to sign with.
    """

    fingerprint: str
    key: Ed25519PrivateKey | None


class AuthorType(click.ParamType):
    """Who made something: by their private key, which signs, or only named by the public one."""

    name = "key"

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Author:
        with suppress(OSError, TorghutError):
            key = parse_private_key(Path(str(value)).read_bytes())
            return Author(fingerprint=fingerprint(key.public_key()), key=key)
        return Author(fingerprint=KeyType().convert(value, param, ctx), key=None)


target_option: Final = click.option(
    "--target", type=click.Choice(["paper", "live"]), default="paper", show_default=True
)
"""The command's parameter is ``target``."""

author_option: Final = click.option(
    "--author",
    type=AuthorType(),
    metavar="KEY",
    help="Private key of who made it, which signs; a public one or its fingerprint is for paper.",
)
"""The command's parameter is ``author``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What is to wait.

    Attributes:
        spec: The candidate.
        window: Of the log that it is tried on.
        target: That is asked for.
        author: Who made it, if they say so.
        evaluation: Digest of what a program was asked and answered; None for anything else.
    """

    spec: CandidateSpec
    window: LogWindow
    target: Target
    author: Author | None
    evaluation: str | None = None


async def submitted(asked: Submission) -> tuple[int, str]:
    """Put a candidate on record, and return the number of its submission and its id."""
    spec, author = asked.spec, asked.author
    events = governing.governance_events(artifact_dir())
    told = LaneAsked(
        candidate=spec,
        window=asked.window,
        target=asked.target,
        context=_context(spec),
        author=None if author is None else author.fingerprint,
        evaluation=asked.evaluation,
    )
    now_ns = standby.wall_clock().now_ns()
    if author is not None and author.key is not None:
        await claim_candidate(
            events,
            candidate_digest_of(spec) or "",
            author.key,
            keyring=keyring_of(governing.owners()),
            at_ns=now_ns,
        )
    command = SubmitCandidate(asked=told, at_ns=now_ns)
    candidate_id = candidate_id_of(spec)
    await lane_command(events, command, candidate_id)
    state = await lane_state(events)
    pending = [*state.waiting.values(), *([state.at_work] if state.at_work else [])]
    return next(one.submission for one in pending if one.asked == told), candidate_id


def print_submitted(found: tuple[int, str], target: Target, *, as_json: bool) -> None:
    """Print what waits now, and what to type next."""
    submission, candidate_id = found
    if as_json:
        print_json({"submission": submission, "candidate_id": candidate_id, "target": target})
        return
    print_fields(
        {
            "submission": f"{submission}, for {target}",
            "candidate": candidate_id,
            "next": "torghut lane run --once",
        }
    )


def _context(spec: CandidateSpec) -> ExecutionContext:
    """Return where a run comes from and where its artifacts go."""
    return ExecutionContext.model_validate(
        {
            "repository": "torghut",
            "base": f"champion of {ledger_of(spec)}",
            "head": f"{spec.kind} {candidate_digest_of(spec) or ''}",
            "artifactPath": str(artifact_dir())[-200:],
            "priorityId": "lane",
        }
    )
