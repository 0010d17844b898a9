"""``torghut stage evidence``: makes of a JUnit report what an exit criterion can be shown by."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from torghut.composition import governing, standby
from torghut.entrypoints.cli.console import json_option, print_fields, print_json
from torghut.entrypoints.cli.stage.asking import commit_in_force, commit_option
from torghut.kernel.digests import sha256_hex
from torghut.kernel.errors import ExitCode
from torghut.schemas.staging.test_report import TestReport
from torghut.settings import artifact_dir
from torghut.workflows.baseline.keeping import document

FOLDER: Final = "stages/evidence"
"""Below the artifact folder."""


@click.command()
@click.option(
    "--junit",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="What pytest --junit-xml wrote.",
)
@commit_option
@json_option
def evidence(*, junit: Path, commit: str | None, as_json: bool) -> ExitCode:
    """Keep which tests passed, on which commit, as a file that `stage advance` can be offered.

    A test counts as passed if each of its cases did. The file is named after its bytes and cites
    the digest of the report; whoever can write the report can write what it says, so the one who
    advances answers for it.
    """
    body = junit.read_bytes()
    became = governing.read_junit(body)
    found, tree = commit_in_force(commit)
    report = TestReport.model_validate(
        {
            "commit": found,
            "tree": tree,
            "junit": sha256_hex(body),
            "made_at_ns": standby.wall_clock().now_ns(),
            **{
                status: tuple(sorted(name for name, one in became.items() if one == status))
                for status in ("passed", "failed", "skipped")
            },
        }
    )
    kept = document(report)
    digest = sha256_hex(kept)
    path = f"{FOLDER}/test-report@{digest[:12]}.json"
    standby.artifact_root(artifact_dir()).create(path, kept)
    counts = {
        "passed": len(report.passed),
        "failed": len(report.failed),
        "skipped": len(report.skipped),
    }
    if as_json:
        print_json({"path": path, "sha256": digest, "commit": found, "tree": tree, **counts})
        return ExitCode.YES
    print_fields(
        {
            "tests": ", ".join(f"{count:,} {name}" for name, count in counts.items()),
            "commit": f"{found}, tree {tree}",
            "sha256": digest,
            "offer": f"--evidence ID={path}",
        }
    )
    return ExitCode.YES
