"""``torghut lane submit``: let a candidate wait for its run."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typing_extensions import override

from torghut.artifacts.package import Package
from torghut.artifacts.signatures import fingerprint, parse_private_key
from torghut.composition import governing, lanes, logs, standby
from torghut.decisions.declarations import Declarations
from torghut.entrypoints.cli.approval.asking import KeyType
from torghut.entrypoints.cli.console import json_option, print_fields, print_json, progress
from torghut.entrypoints.cli.lane.asking import WindowType, read_candidate
from torghut.entrypoints.cli.lookup.packages import packages_option
from torghut.entrypoints.cli.lookup.reading import log_option
from torghut.governance.approvals.keyring import keyring_of
from torghut.governance.lanes.queue import SubmitCandidate
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.schemas.governing.lanes import LaneAsked
from torghut.schemas.rollout.lane import CandidateSpec, LogWindow
from torghut.schemas.rollout.phases import Target
from torghut.schemas.rollout.run import ExecutionContext
from torghut.settings import artifact_dir
from torghut.workflows.approving.makers import claim_candidate
from torghut.workflows.lane.contest.standing import champion_of, standing_at
from torghut.workflows.lane.desk.candidates import (
    Candidates,
    check_window,
    declarations_spec,
    package_spec,
)
from torghut.workflows.lane.naming import candidate_digest_of, candidate_id_of
from torghut.workflows.lane.running import lane_command, lane_state

__all__ = ["submit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What was typed."""

    candidate: Package | Declarations
    router: str
    log: Path
    partition: int
    window: tuple[int, int]
    target: Target
    author: _Author | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Author:
    """Who made the candidate.

    Attributes:
        fingerprint: Of their key.
        key: It, where it was given to sign with.
    """

    fingerprint: str
    key: Ed25519PrivateKey | None


class _AuthorType(click.ParamType):
    """Who made something: by their private key, which signs, or only named by the public one."""

    name = "key"

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> _Author:
        with suppress(OSError, TorghutError):
            key = parse_private_key(Path(str(value)).read_bytes())
            return _Author(fingerprint=fingerprint(key.public_key()), key=key)
        return _Author(fingerprint=KeyType().convert(value, param, ctx), key=None)


@click.command()
@click.option(
    "--candidate",
    required=True,
    metavar="PACKAGE|FOLDER",
    help="NAME@DIGEST of a router package, or a folder of declarations.",
)
@click.option("--router", required=True, help="The router that it would serve.")
@log_option
@click.option("--partition", default=0, help="Of the log.")
@click.option(
    "--window", required=True, type=WindowType(), metavar="A..B", help="By receive time, both in."
)
@click.option("--target", type=click.Choice(["paper", "live"]), default="paper", show_default=True)
@click.option(
    "--author",
    type=_AuthorType(),
    metavar="KEY",
    help="Private key of who made it, which signs; a public one or its fingerprint is for paper.",
)
@packages_option
@json_option
def submit(  # noqa: PLR0913, PLR0917 - one parameter an option
    candidate: str,
    router: str,
    log_path: Path,
    partition: int,
    window: tuple[int, int],
    target: Target,
    author: _Author | None,
    packages: Path | None,
    *,
    as_json: bool,
) -> ExitCode:
    """Let a candidate wait for its run on a window of a decision log.

    Live takes the word of who made it, by --author with their private key; that key cannot approve
    it. The candidate is copied below the artifact root; what is run is that copy. The champion is
    what served when the window ended. The same again while it waits changes nothing.
    """
    asked = _Asked(
        candidate=read_candidate(candidate, packages),
        router=router,
        log=log_path,
        partition=partition,
        window=window,
        target=target,
        author=author,
    )
    with progress() as told:
        told.stage("Reading what the log stands for")
        submission, candidate_id = asyncio.run(_submit(asked))
    if as_json:
        print_json({"submission": submission, "candidate_id": candidate_id, "target": target})
    else:
        print_fields(
            {
                "submission": f"{submission}, for {target}",
                "candidate": candidate_id,
                "next": "torghut lane run --once",
            }
        )
    return ExitCode.YES


async def _submit(asked: _Asked) -> tuple[int, str]:
    """Keep the candidate and put it on record; return its number and id."""
    spec = await _specified(asked)
    candidates: Candidates = lanes.candidates()
    if isinstance(asked.candidate, Package):
        candidates.keep_package(asked.candidate)
    else:
        candidates.keep_declarations(asked.candidate)
    events = governing.governance_events(artifact_dir())
    told = LaneAsked(
        candidate=spec,
        window=LogWindow(
            log=str(asked.log.absolute()),
            partition=asked.partition,
            first_ns=asked.window[0],
            last_ns=asked.window[1],
        ),
        target=asked.target,
        context=_context(spec),
        author=None if asked.author is None else asked.author.fingerprint,
    )
    now_ns = standby.wall_clock().now_ns()
    if asked.author is not None and asked.author.key is not None:
        await claim_candidate(
            events,
            candidate_digest_of(spec) or "",
            asked.author.key,
            keyring=keyring_of(governing.owners()),
            at_ns=now_ns,
        )
    command = SubmitCandidate(asked=told, at_ns=now_ns)
    candidate_id = candidate_id_of(spec)
    await lane_command(events, command, candidate_id)
    state = await lane_state(events)
    pending = [*state.waiting.values(), *([state.at_work] if state.at_work else [])]
    return next(one.submission for one in pending if one.asked == told), candidate_id


async def _specified(asked: _Asked) -> CandidateSpec:
    """Return the candidate, compared with what served when the window ended."""
    log = logs.readable_log(asked.log)
    try:
        standing = await standing_at(log, asked.window[1], partition=asked.partition)
        champion = await champion_of(log, standing)
    finally:
        await log.close()
    check_window(asked.window, standing)
    if isinstance(asked.candidate, Package):
        return package_spec(asked.candidate, champion, asked.router)
    return declarations_spec(asked.candidate, champion, asked.router)


def _context(spec: CandidateSpec) -> ExecutionContext:
    """Return where a run comes from and where its artifacts go."""
    head = spec.package or spec.declarations or ""
    return ExecutionContext.model_validate(
        {
            "repository": "torghut",
            "base": f"champion of {spec.router}",
            "head": f"{spec.kind} {head}",
            "artifactPath": str(artifact_dir())[-200:],
            "priorityId": "lane",
        }
    )
