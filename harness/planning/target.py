"""What a plan is made for, and the runs that it makes of settings there."""

from dataclasses import dataclass, replace
from typing import Any

from harness.core.spec import RunSpec, Settings
from harness.planning.fingerprint import Identity, fingerprint, identity, identity_of_ensemble


@dataclass(frozen=True)
class Target:
    """What a plan is made for: the data, and the kind of device with its arithmetic."""

    data: dict[str, Any]
    device: str
    precision: str
    threads: int
    gpu: str | None = None  # its model
    captured: bool = False

    def spec(self, settings: Settings, seed: int, probes: tuple[str, ...] = ()) -> RunSpec:
        """Return the run of `settings` under `seed`, watched by `probes`, with its fingerprint."""
        print_of_run = fingerprint(self._identity(settings, seed, probes))
        return RunSpec(
            settings,
            seed,
            self.data["digest"],
            self.device,  # type: ignore[arg-type]
            self.precision,  # type: ignore[arg-type]
            self.threads,
            print_of_run,
            probes,
            captured=self.captured,
        )

    def judged(self, settings: Settings, seed: int, seeds: int, probes: tuple[str, ...] = ()) -> RunSpec:
        """Return the run of an arm under `seed`, one of `seeds`: a trained one, or an ensemble with its members.

        Members have the seeds `seed`, `seed + seeds`, ... So no two ensembles of an arm share a member, a small
        ensemble is part of every larger one, and the first member is the single run under the same seed.
        """
        alone = settings.changed(ensemble=1)
        members = tuple(self.spec(alone, seed + seeds * number, probes) for number in range(settings.ensemble))
        if settings.ensemble == 1:
            return members[0]
        print_of_run = fingerprint(identity_of_ensemble(member.fingerprint for member in members))
        return replace(members[0], settings=settings, fingerprint=print_of_run, probes=(), members=members)

    def identity(self, spec: RunSpec) -> Identity:
        """Return what the fingerprint of `spec` is the digest of."""
        if spec.members:
            return identity_of_ensemble(member.fingerprint for member in spec.members)
        return self._identity(spec.settings, spec.seed, spec.probes)

    def _identity(self, settings: Settings, seed: int, probes: tuple[str, ...]) -> Identity:
        where = self.gpu or self.device, self.precision, self.threads
        return identity(settings, seed, self.data["digest"], *where, probes, self.captured)
