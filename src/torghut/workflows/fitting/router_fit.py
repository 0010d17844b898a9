"""Fits a router package from a recorded source: regimes, then confidence, then the package.

The regimes are fitted on what the kernel samples, the confidence on what the kernel decides with
them. Nothing is chosen by what the package would have earned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from torghut.artifacts.package import Package, StoredFile, build_package
from torghut.decisions.declarations import Declarations
from torghut.decisions.kernel.engine import DecisionKernel
from torghut.decisions.kernel.feature_pass import FeaturePass
from torghut.kernel.canonical import JsonObject, canonical_bytes
from torghut.kernel.digests import sha256_hex
from torghut.market.ports import Source, SourceDescription
from torghut.router.package import MODEL_PATH, REGIME_MODEL_KIND, RegimeModel
from torghut.router.training.calibration import calibrate, judge
from torghut.router.training.confidence import Coefficients
from torghut.router.training.environment import FIT_THREADS, environment_fingerprint
from torghut.router.training.likelihood import mean_log_likelihood
from torghut.router.training.record import (
    FEATURE_SCHEMA,
    RECORD_PATH,
    CandidateFigures,
    Evidence,
    FeatureSampling,
    FitRequest,
    RecordedPart,
    RecordedSource,
    TrainingRecord,
)
from torghut.router.training.regimes import FittedRegimes, RegimeFit, fit_regimes
from torghut.schemas.package import Environment, Provenance
from torghut.workflows.fitting.fit_reading import (
    Progress,
    Window,
    WindowSamples,
    labels_of,
    read_decisions,
    read_samples,
    resampled,
    sequences_of,
    silent,
)

_UNNAMED: Final = "0" * 64
"""Stands for the digest of a model that is in no package yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitKernels:
    """What a fit computes with.

    Attributes:
        decision: The decision kernel, compiled or interpreted.
        features: The feature pass.
    """

    decision: DecisionKernel
    features: FeaturePass


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterFit:
    """A fitted router, before it is packed.

    Attributes:
        model: Regimes and confidence; it has no digest of its own yet.
        regimes: The fit of the regimes, all candidates included.
        record: How it came to be.
        first_ns: Receive time of the first context that was read.
        last_ns: Receive time of the last.
    """

    model: RegimeModel
    regimes: RegimeFit
    record: TrainingRecord
    first_ns: int
    last_ns: int


def fit_router(
    source: Source,
    declarations: Declarations,
    request: FitRequest,
    kernels: FitKernels,
    *,
    progress: Progress = silent,
) -> RouterFit:
    """Return the router that ``request`` asks for.

    Reads the window twice: once for what the kernel samples, once for what it decides.

    Raises:
        TrainingDataError: The window holds too little to fit on, or not these symbols.
        SymbolUndeclaredError: A symbol is not declared.
        SourceError: The source cannot be read.
    """
    window = Window(
        source=source,
        declarations=resampled(declarations, request.symbols, request.sampling),
        symbols=request.symbols,
        start_ns=request.start_ns,
        end_ns=request.end_ns,
    )
    taken = read_samples(window, kernels.features, progress)
    regimes = fit_regimes(
        sequences_of(window, taken.samples),
        request.plan,
        progress=lambda done, total: progress("fit", done, total),
    )
    unmeasured = _unmeasured(declarations)
    uncalibrated = _model(request.name, regimes.chosen.model, unmeasured, taken)
    decisions = read_decisions(window, taken, kernels.decision, uncalibrated, progress)
    calibration = calibrate(
        labels_of(window, taken.samples, decisions),
        split_ns=regimes.split_ns,
        unmeasured=unmeasured,
        plan=request.calibration,
    )
    record = TrainingRecord(
        request=request,
        source=_recorded(source.description),
        declarations=declarations.digest,
        kernel_version=kernels.decision.version,
        environment=environment_fingerprint(),
        contexts=taken.contexts,
        refused=decisions.refused,
        split_ns=regimes.split_ns,
        observations=regimes.observations[0],
        held_out=regimes.observations[1],
        one_gaussian_nats=regimes.one_gaussian_held_out,
        chosen_states=regimes.chosen.states,
        candidates=_figures(regimes),
        calibration=calibration,
    )
    return RouterFit(
        model=_model(request.name, regimes.chosen.model, calibration.coefficients, taken),
        regimes=regimes,
        record=record,
        first_ns=taken.first_ns,
        last_ns=taken.last_ns,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRequest:
    """Data that a fitted router is to be measured on.

    Attributes:
        source: Where it comes from.
        symbols: Which are read.
        start_ns: Receive time of the beginning.
        end_ns: Receive time of the end; a context then is not in it.
        sampling: When features move; None as the instruments declare.
    """

    source: Source
    symbols: tuple[str, ...]
    start_ns: int = 0
    end_ns: int = 2**63 - 1
    sampling: FeatureSampling | None = None


def measure_router(
    fit: RouterFit,
    declarations: Declarations,
    request: EvidenceRequest,
    kernels: FitKernels,
    *,
    progress: Progress = silent,
) -> Evidence:
    """Return how ``fit`` does on data that it was neither fitted nor chosen on.

    Raises:
        TrainingDataError: There is no such data, or not of these symbols.
        SymbolUndeclaredError: A symbol is not declared.
        SourceError: The source cannot be read.
    """
    window = Window(
        source=request.source,
        declarations=resampled(declarations, request.symbols, request.sampling),
        symbols=request.symbols,
        start_ns=request.start_ns,
        end_ns=request.end_ns,
    )
    taken = read_samples(window, kernels.features, progress)
    sequences = sequences_of(window, taken.samples)
    decisions = read_decisions(window, taken, kernels.decision, fit.model, progress)
    labels = labels_of(window, taken.samples, decisions)
    calibration = fit.record.calibration
    return Evidence(
        source=_recorded(request.source.description),
        symbols=request.symbols,
        start_ns=taken.first_ns,
        end_ns=taken.last_ns,
        sampling=request.sampling,
        observations=sum(map(len, sequences)),
        model_nats=mean_log_likelihood(fit.model, sequences),
        one_gaussian_nats=mean_log_likelihood(fit.regimes.one_gaussian, sequences),
        reliability=judge(
            calibration.coefficients,
            labels,
            constant=calibration.gained_ratio,
            bins=fit.record.request.calibration.bins,
        ),
    )


def pack_router(fit: RouterFit, evidence: Sequence[Evidence] = ()) -> Package:
    """Return the package of ``fit``: ``model.json``, and ``training.json`` with ``evidence``.

    The same fit and evidence give the same bytes, and so the same digest.
    """
    record = TrainingRecord.model_validate({**dict(fit.record), "evidence": tuple(evidence)})
    body = canonical_bytes(record.model_dump(mode="json"))
    return build_package(
        kind=REGIME_MODEL_KIND,
        name=record.request.name,
        files={
            MODEL_PATH: StoredFile(body=fit.model.to_bytes()),
            RECORD_PATH: StoredFile(body=body),
        },
        created_from=_provenance(fit),
    )


def _provenance(fit: RouterFit) -> Provenance:
    """Return the manifest's account of ``fit``; ``training.json`` says the rest."""
    record = fit.record
    parts = [{"name": part.name, "digest": part.digest} for part in record.source.parts]
    data: JsonObject = {
        "kind": record.source.kind,
        "parts": parts,
        "symbols": record.request.symbols,
    }
    libraries = {
        name: text
        for name, text in record.environment.items()
        if name not in {"python", "system", "machine", "threads"}
    }
    return Provenance(
        data_digest=sha256_hex(canonical_bytes(data)),
        window_start_ns=fit.first_ns,
        window_end_ns=fit.last_ns,
        feature_schema=FEATURE_SCHEMA,
        seed=fit.regimes.chosen.seed,
        versions=libraries,
        metrics=_metrics(record),
        environment=Environment(
            python=record.environment["python"],
            system=record.environment["system"],
            machine=record.environment["machine"],
            threads=FIT_THREADS,
        ),
    )


def _metrics(record: TrainingRecord) -> Mapping[str, float]:
    """Return the figures that tell whether a package is worth a look."""
    figures = {
        "states": float(record.chosen_states),
        "observations": float(record.observations),
        "held-out": float(record.held_out),
        "one-gaussian-nats": record.one_gaussian_nats,
        "labels": float(record.calibration.labels),
        "gained-ratio": record.calibration.gained_ratio,
    }
    for one in record.candidates:
        figures[f"held-out-nats-{one.states}"] = one.held_out_nats
    judged = record.calibration.reliability
    if judged is not None:
        figures["brier"] = judged.brier
        figures["brier-constant"] = judged.brier_constant
        figures["spiegelhalter-z"] = judged.spiegelhalter_z
    return figures


def _model(
    name: str, regimes: FittedRegimes, confidence: Coefficients, taken: WindowSamples
) -> RegimeModel:
    """Return a model that the kernel can serve, of no package yet."""
    return RegimeModel(
        labels=regimes.labels,
        start=regimes.start,
        transition=regimes.transition,
        mean=regimes.mean,
        variance=regimes.variance,
        confidence_bias=confidence.bias,
        confidence_score=confidence.score,
        confidence_cost=confidence.cost,
        name=name,
        digest=_UNNAMED,
        start_ns=taken.first_ns,
        end_ns=taken.last_ns,
    )


def _unmeasured(declarations: Declarations) -> Coefficients:
    """Return what is declared to hold where nothing was measured."""
    declared = declarations.router.confidence_without_package
    return Coefficients(bias=declared.bias, score=declared.score, cost=declared.cost)


def _recorded(description: SourceDescription) -> RecordedSource:
    """Return what a package says about the data it is made of."""
    return RecordedSource(
        kind=description.kind,
        licence=description.licence,
        assumptions=description.assumptions,
        parts=tuple(RecordedPart(name=part.name, digest=part.digest) for part in description.parts),
    )


def _figures(regimes: RegimeFit) -> tuple[CandidateFigures, ...]:
    """Return the figures of every candidate, without their parameters."""
    return tuple(
        CandidateFigures(
            states=one.states,
            seed=one.seed,
            converged=one.converged,
            training_nats=one.training,
            held_out_nats=one.held_out,
            occupancy=one.occupancy,
        )
        for one in regimes.candidates
    )
