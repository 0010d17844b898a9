"""Candidates kept below the artifact root until their run: by digest, verified at every load."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Final

from torghut.artifacts.package import Package, PackageReference
from torghut.artifacts.ports import ArtifactStore, PackageStore
from torghut.decisions.declarations import Declarations, read_declarations
from torghut.kernel.digests import sha256_hex
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.kernel.times import instant
from torghut.router.package import read_regime_model
from torghut.schemas.rollout.lane import CandidateKind, CandidateSpec
from torghut.workflows.lane.contest.arms import ArmPlan
from torghut.workflows.lane.contest.standing import LogStanding

FOLDER: Final = "candidates"
"""Of candidates, below the artifact root."""


class CandidateRefusedError(TorghutError):
    """A candidate cannot be tried: it changes nothing, or what no candidate may change."""

    code: ClassVar[str] = "lanes.candidate-refused"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, expected: str, found: str) -> None:
        super().__init__(f"expected {expected}, found {found}; submit another candidate")
        self.expected = expected
        self.found = found


class CandidateAlteredError(TorghutError):
    """A candidate is not as it was submitted; submit it again."""

    code: ClassVar[str] = "lanes.candidate-altered"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, expected: str, found: str) -> None:
        super().__init__(f"expected candidate {expected}, found {found}; submit it again")
        self.expected = expected
        self.found = found


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """Where candidates are kept.

    Attributes:
        packages: Router packages.
        files: The artifact root; declarations are below it.
    """

    packages: PackageStore
    files: ArtifactStore

    def keep_package(self, package: Package) -> None:
        """Keep a router package."""
        self.packages.save(package)

    def keep_declarations(self, declared: Declarations) -> None:
        """Keep declarations as the bytes that name them."""
        self.files.create(_declarations_file(declared.digest), declared.to_bytes())

    def plan_of(self, candidate: CandidateSpec, champion: ArmPlan) -> ArmPlan:
        """Return what a candidate decides by, given what the champion does.

        Raises:
            CandidateAlteredError: Its declarations are not those submitted.
            ArtifactUnreadableError: They are not there.
            PackageMissingError: Its package is not there.
            PackageAlteredError: It is not as it was written.
        """
        if candidate.package is not None:
            reference = PackageReference(name=candidate.router, digest=candidate.package)
            model = read_regime_model(self.packages.load(reference))
            return replace(champion, packages={**champion.packages, candidate.router: model})
        wanted = candidate.declarations or ""
        body = self.files.read(_declarations_file(wanted))
        if sha256_hex(body) != wanted:
            raise CandidateAlteredError(expected=wanted, found=sha256_hex(body))
        return replace(champion, declarations=read_declarations(body))


def check_window(window: tuple[int, int], standing: LogStanding) -> None:
    """Refuse a window in which the log holds nothing.

    Raises:
        CandidateRefusedError: It holds nothing from the first to the last receive time.
    """
    if not standing.last_ns or standing.last_ns < window[0] or standing.first_ns > window[1]:
        held = f"{instant(standing.first_ns)} to {instant(standing.last_ns)}"
        raise CandidateRefusedError(
            expected="a window in which the log holds something", found=f"a log of {held}"
        )


def package_spec(package: Package, champion: ArmPlan, router: str) -> CandidateSpec:
    """Return a package as a candidate for ``router``.

    Raises:
        CandidateRefusedError: It serves already, is of another router, or no instrument uses that.
    """
    serving = champion.packages.get(router)
    if serving is not None and serving.digest == package.digest:
        raise CandidateRefusedError(
            expected="a package other than the champion's", found=str(package.reference)
        )
    _check_router(router, champion)
    if package.name != router:
        raise CandidateRefusedError(
            expected=f"a package of router {router}", found=str(package.reference)
        )
    return CandidateSpec(kind="package", router=router, package=package.digest, declarations=None)


def declarations_spec(declared: Declarations, champion: ArmPlan, router: str) -> CandidateSpec:
    """Return other declarations as a candidate: another policy, or other experts.

    Raises:
        CandidateRefusedError: They change nothing, or instruments, calendars or owners.
    """
    _check_router(router, champion)
    own = champion.declarations
    if declared.digest == own.digest:
        raise CandidateRefusedError(expected="declarations that change something", found="none")
    for name in ("instruments", "calendars", "owners"):
        if getattr(declared, name) != getattr(own, name):
            raise CandidateRefusedError(
                expected="another policy or other experts alone", found=f"other {name}"
            )
    kind: CandidateKind = "experts" if declared.experts != own.experts else "policy"
    return CandidateSpec(kind=kind, router=router, package=None, declarations=declared.digest)


def _check_router(router: str, champion: ArmPlan) -> None:
    """Refuse a router that no instrument names."""
    routers = sorted({one.router for one in champion.declarations.instruments})
    if router not in routers:
        raise CandidateRefusedError(
            expected=f"a router in use ({', '.join(routers)})", found=repr(router)
        )


def _declarations_file(digest: str) -> str:
    """Return where declarations are kept, below the artifact root."""
    return f"{FOLDER}/declarations-{digest}.json"
