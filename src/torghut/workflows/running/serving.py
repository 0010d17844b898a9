"""Which packages serve a run: one for each router name in use, chosen or the only one there is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torghut.artifacts.errors import PackageMissingError
from torghut.artifacts.package import SHORT_DIGEST, Package, PackageReference
from torghut.artifacts.ports import PackageStore
from torghut.decisions.declarations import Declarations
from torghut.kernel.errors import ExitCode, TorghutError


class PackageAmbiguousError(TorghutError):
    """Several packages of one name could serve and none is chosen."""

    code: ClassVar[str] = "workflows.package-ambiguous"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, name: str, found: tuple[str, ...]) -> None:
        super().__init__(
            f"router package {name!r}: expected one, found {', '.join(found)}; "
            "choose with --package NAME@DIGEST"
        )
        self.name = name
        self.found = found


def serving_packages(
    declared: Declarations, store: PackageStore, chosen: Mapping[str, str]
) -> dict[str, Package]:
    """Return the package that serves each router name; names without one are left out.

    Args:
        declared: Which names the instruments use.
        store: Where packages are kept.
        chosen: Digest, or its first digits, by name, where people chose one.

    Raises:
        PackageAmbiguousError: Several have a name and none is chosen.
        PackageMissingError: The one that is chosen is not there, or nothing would use it.
    """
    used = {instrument.router for instrument in declared.instruments}
    for name in sorted(chosen.keys() - used):
        place = f"the routers in use ({', '.join(sorted(used))})"
        raise PackageMissingError(reference=f"{name}@{chosen[name]}", place=place)
    serving: dict[str, Package] = {}
    for name in sorted(used):
        wanted = chosen.get(name, "")
        found = [
            reference
            for reference in store.references()
            if reference.name == name and reference.digest.startswith(wanted[:SHORT_DIGEST])
        ]
        if len(found) > 1:
            raise PackageAmbiguousError(name=name, found=tuple(map(str, found)))
        if digest := wanted or "".join(reference.digest for reference in found):
            serving[name] = store.load(PackageReference(name=name, digest=digest))
    return serving
