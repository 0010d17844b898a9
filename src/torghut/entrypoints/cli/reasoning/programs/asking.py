"""What the commands of programs share: packages by name, and what a log offers to learn from.

Nothing here renders a program, which takes seconds to load: a service names one before it begins.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Final

import click

from torghut.artifacts.package import Package, PackageReference, parse_reference
from torghut.composition import governing, standby
from torghut.composition.advice import packages
from torghut.composition.logs import LogPlace
from torghut.decisions.declarations import Declarations
from torghut.entrypoints.cli.approval.asking import office
from torghut.entrypoints.cli.console import Progress
from torghut.entrypoints.cli.lookup.reading import followed
from torghut.governance.ledger.errors import AliasVacantError, NotPromotedError
from torghut.governance.ledger.ledger import program_ledger
from torghut.governance.ledger.state import Alias, LedgerState, Term, parse_alias
from torghut.kernel.errors import TorghutError
from torghut.schemas.live.delivery import SwitchName
from torghut.settings import artifact_dir
from torghut.workflows.approving.proving import check_proven_term
from torghut.workflows.reasoning.programs.learning import Extent, Lessons, lessons

_REVERTS: Final[SwitchName] = "revert-packages"
_LOOK_S: Final = 2.0
"""Between two looks at who was promoted."""

programs_option: Final = click.option(
    "--programs",
    "programs_path",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder that keeps compiled programs; by default programs/ among the artifacts.",
)
"""The option ``--programs``; the command's parameter is ``programs_path``."""


def load_program(text: str, root: Path | None) -> Package:
    """Return the package that ``text`` names: NAME@DIGEST, or NAME@champion as promoted.

    Raises:
        PackageReferenceError: It names none.
        PackageMissingError: There is none.
        PackageAlteredError: It is not as it was written.
        AliasVacantError: The ledger names nobody by that alias.
        PromotionUnprovenError: No approval stands behind who serves live.
    """
    named = parse_alias(text)
    reference = parse_reference(text) if named is None else asyncio.run(_named_by(*named))
    return packages.program_store(root).load(reference)


async def _named_by(name: str, alias: Alias) -> PackageReference:
    """Return the package that the ledger of a program names."""
    place, ledger_name = office("torghut reasoning"), program_ledger(name)
    ledger = await place.ledger(ledger_name)
    if alias != "champion":
        digest = ledger.digest_of(alias)
    elif (term := _serving(ledger)) is not None:
        await check_proven_term(place, ledger_name, term)
        digest = term.digest
    else:
        digest = None
    if digest is None:
        raise AliasVacantError(
            expected=f"a program that was promoted as {name}@{alias}", found=_vacancy()
        )
    return PackageReference(name=name, digest=digest)


def _serving(ledger: LedgerState) -> Term | None:
    """Return whose term it is: the champion's, or that before it while a switch takes it back."""
    if not _reverted():
        return ledger.champion
    return ledger.before[-1] if ledger.before else None


def _vacancy() -> str:
    """Return why an alias names nobody."""
    return f"none before the newest while {_REVERTS} is thrown" if _reverted() else "none on record"


def _reverted() -> bool:
    """Return whether the switch is thrown that takes packages back, for any worker here."""
    pages = [one for one in standby.worker_pages() if one.status is not None]
    living = [one for one in pages if one.alive] or pages  # a loop that starts has no page yet
    files = {one.name for one in standby.switch_folder().thrown() if not one.drill}
    standing = {switch.name for one in living if one.status for switch in one.status.switches}
    return _REVERTS in files | standing


def check_live(package: Package) -> None:
    """Check that a program was promoted to live, and serves by that.

    Raises:
        NotPromotedError: It was not, or another one serves since.
        PromotionUnprovenError: No approval stands behind it.
    """
    place, ledger_name = office("torghut reasoning"), program_ledger(package.name)
    term = _serving(asyncio.run(place.ledger(ledger_name)))
    if term is None or (term.digest, term.target) != (package.digest, "live"):
        found = "nobody" if term is None else f"{term.digest}, promoted to {term.target}"
        raise NotPromotedError(
            expected=f"{package.reference} promoted to live, as advice counts there", found=found
        )
    asyncio.run(check_proven_term(place, ledger_name, term))


async def champion_gone(text: str, package: Package) -> None:
    """Return once another program than ``package`` is to be asked by as NAME@champion.

    For anything else than that alias it never does: what is named by its digest stays what it is.
    """
    named = parse_alias(text)
    place = office("torghut reasoning serve")
    while True:
        if named is not None and named[1] == "champion":
            with suppress(TorghutError):  # what cannot be read now is looked at again
                term = _serving(await place.ledger(program_ledger(named[0])))
                if term is None or term.digest != package.digest:
                    return
        await asyncio.sleep(_LOOK_S)


async def ended_by(asked: asyncio.Event, gone: Coroutine[None, None, None] | None) -> bool:
    """Wait until asked to end, or until ``gone`` comes back; return whether it was that.

    Raises:
        Exception: What ``gone`` raises, which says nothing of any program.
    """
    waiting: list[asyncio.Future[object]] = [asyncio.ensure_future(asked.wait())]
    if gone is not None:
        waiting.append(asyncio.ensure_future(gone))
    try:
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for one in done:
            one.result()
    finally:
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    return not asked.is_set()


async def read_lessons(
    path: LogPlace, declared: Declarations, told: Progress, *, until: int | None = None
) -> Lessons:
    """Return what a log offers to learn from, up to a block; None: all of it."""
    async with followed(path, 0, "Reading what was asked", told) as (log, tell):
        store = standby.artifact_root(artifact_dir())
        split = governing.governing_policies().evaluation.split
        return await lessons(log, store, declared, split, extent=Extent(until=until), progress=tell)
