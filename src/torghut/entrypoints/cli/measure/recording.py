"""``torghut governance record``: what a stage runs, how it kept its levels, and what stays open."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypedDict

import click
from typing_extensions import Unpack, override

from torghut.composition import governing, standby
from torghut.entrypoints.cli.console import json_option, print_fields, print_json
from torghut.entrypoints.cli.lookup.reading import log_option, read_log
from torghut.entrypoints.cli.measure.windows import (
    at_option,
    before_option,
    latency_in,
    metrics_option,
)
from torghut.entrypoints.cli.stage.asking import causes, commit_in_force, commit_option
from torghut.eventlog.ports import DecisionLog
from torghut.governance.slo.latency import LatencyState
from torghut.kernel.digests import sha256_hex
from torghut.kernel.errors import ExitCode
from torghut.schemas.staging.stage_record import ImageMap, StageRecord
from torghut.settings import artifact_dir
from torghut.workflows.aggregates import LATENCIES, Governance
from torghut.workflows.baseline.keeping import document
from torghut.workflows.lookup.scanning import Scanning
from torghut.workflows.lookup.stats import count
from torghut.workflows.slo.counting import WindowCounts
from torghut.workflows.slo.measuring import LatencyCounts, measure
from torghut.workflows.slo.reading import measured_with
from torghut.workflows.slo.walking import last_received_ns
from torghut.workflows.staging.moving import stage_state
from torghut.workflows.staging.recording import Declared, Deployed, Kept, record_path, record_stage
from torghut.workflows.streams import Streams

_IMAGE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,150}=sha256:[0-9a-f]{64}", re.ASCII)


class RecordOptions(TypedDict):
    """What was typed."""

    stage: int
    log_path: Path
    images: Sequence[tuple[str, str]]
    no_images: str | None
    commit: str | None
    at: int | None
    metrics: Path | None
    metrics_before: Path | None
    out: Path | None
    as_json: bool


class ImageType(click.ParamType):
    """An image and its digest: ``NAME=sha256:HEX``."""

    name = "name=digest"

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        text = str(value)
        if not _IMAGE.fullmatch(text):
            self.fail(f"expected NAME=sha256: and 64 digits, found {text!r}", param, ctx)
        name, _, digest = text.partition("=")
        return name, digest


@click.command()
@click.option("--stage", required=True, type=click.IntRange(0, 5), help="Number of the stage.")
@log_option
@click.option("--image", "images", multiple=True, type=ImageType(), help="May be repeated.")
@click.option("--no-images", help="Why no image is recorded, where none is deployed.")
@commit_option
@at_option
@metrics_option
@before_option
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="A copy, besides the artifact."
)
@json_option
def record(**options: Unpack[RecordOptions]) -> ExitCode:
    """Put a stage on record for those who audit it, under its digest below the artifact folder.

    That is the commit and the images, the packages that serve, the digest of every declaration, how
    service levels and gates were kept in the log's windows, and each open risk with its owner.
    Latency is what the scheduler's cycles put on record of it; --metrics says it otherwise. Ends
    with 1, and writes nothing, if a risk that concerns the stage has no owner.
    """
    policies = governing.stage_policies()
    latency = latency_in(options["metrics"], options["metrics_before"])
    deployed = _deployed(options)

    streams = Streams(governing.governance_events(artifact_dir()))
    governance = Governance(streams=streams, causes=causes("torghut governance record"))
    readings = asyncio.run(governance.state(LATENCIES))

    async def work(log: DecisionLog, _told: Scanning) -> Kept:
        at = options["at"]
        to_ns = await last_received_ns(log) if at is None else at
        return await _kept(log, to_ns, readings if latency is None else latency)

    kept = read_log(options["log_path"], "Measuring", work)
    made = record_stage(
        options["stage"],
        asyncio.run(stage_state(streams)),
        Declared(roadmap=policies.roadmap, risks=policies.risks),
        deployed=deployed,
        kept=kept,
        now_ns=standby.wall_clock().now_ns(),
    )
    body = document(made)
    path = record_path(made, body)
    standby.artifact_root(artifact_dir()).create(path, body)
    if options["out"] is not None:
        options["out"].write_bytes(body)
    if options["as_json"]:
        said = made.model_dump(mode="json")
        print_json({"path": path, "sha256": sha256_hex(body), "record": said})
    else:
        print_fields({**_in_words(made), "file": path, "sha256": sha256_hex(body)})
    return ExitCode.YES


def _deployed(options: RecordOptions) -> Deployed:
    """Return what runs.

    Raises:
        click.UsageError: Images are neither named nor said to be none.
        CommitUnknownError: Nobody can tell the commit.
    """
    images = _images(options["images"], options["no_images"])
    commit, tree = commit_in_force(options["commit"])
    files = governing.declared_files()
    return Deployed(commit=commit, tree=tree, images=images, declarations=files)


def _in_words(made: StageRecord) -> dict[str, str]:
    """Return a record for people."""
    images = ", ".join(made.images.digests) or f"none: {made.images.reason}"
    return {
        "stage": f"{made.stage} {made.name}, {'' if made.in_force else 'not '}in force",
        "commit": f"{made.commit}, tree {made.tree}",
        "images": images,
        "packages": ", ".join(one[:12] for one in made.packages) or "none",
        "windows": ", ".join(f"{one.name} {one.status}" for one in made.windows),
        "the rollout ends by": "\n".join(f"{one.id}: {one.status}" for one in made.operational_exit)
        or "nothing declared",
        "risks": "\n".join(f"{one.id}: {one.owner}" for one in made.risks) or "none",
    }


async def _kept(log: DecisionLog, to_ns: int, latency: LatencyCounts | LatencyState) -> Kept:
    """Return how service levels and gates were kept in the windows that end at ``to_ns``."""
    policy = governing.stage_policies().slo
    if isinstance(latency, LatencyState):
        found = await measured_with(log, latency, to_ns, policy)
    else:
        every = dict.fromkeys(policy.windows, latency)
        found = await measure(log, to_ns, policy.windows, policy=policy, latency=every)
    return Kept(
        log_root=(await count(log)).root,
        windows=[one.window for one in found],
        counts=found[-1].counts if found else WindowCounts(),
    )


def _images(images: Sequence[tuple[str, str]], reason: str | None) -> ImageMap:
    """Return the images that are deployed, or why there are none.

    Raises:
        click.UsageError: Neither is said, or both.
    """
    if bool(images) == bool(reason):
        message = "say which images are deployed with --image, or why none is with --no-images"
        raise click.UsageError(message)
    if images:
        return ImageMap(status="recorded", digests=dict(images), reason="")
    return ImageMap(status="not-applicable", digests={}, reason=reason or "")
