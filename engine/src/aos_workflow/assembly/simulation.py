"""Shadow simulations, put together: workflows, workers, folder, hook."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from aos_workflow import __version__, config
from aos_workflow.determinism import Clock, SystemClock, rfc3339
from aos_workflow.errors import FleetMissingError, ShadowChangedError, ShadowFolderError, UsageError
from aos_workflow.shadow.bulletin import Observer
from aos_workflow.shadow.coordinator import Coordinator, Limits
from aos_workflow.shadow.fleet import Fleet, LocalFleet
from aos_workflow.shadow.folder import Folder, Settings
from aos_workflow.shadow.hook import Hook, NoHook, Teller
from aos_workflow.shadow.records import Campaign
from aos_workflow.shadow.schedule import shadow_hash_seed
from aos_workflow.shadow.side import SideSetup

__all__ = ["RUNNER", "Order", "Simulation", "latest_folder", "new_folder", "simulation"]

RUNNER = "aos_workflow.assembly.cycles:runner"
_NAME = "shadow_simulation_"
_MOST_FOLDERS = 1000


@dataclass(frozen=True, slots=True)
class Order:
    """One command. To ``resume``, the folder says which cycles there are; how many of them may be said anew.

    ``cycles`` are rounds of ``together`` each.
    """

    out: Path
    campaign: Campaign
    resume: bool = False
    cycles: int | None = None
    hours: float | None = None
    workers: int | None = None
    fleet: str = "local"
    together: int = 1
    interval_s: float = 0.0
    cycle_limit_s: float = 60.0
    runner: str = RUNNER


@dataclass(frozen=True, slots=True)
class Simulation:
    """One that is ready to run."""

    coordinator: Coordinator
    settings: Settings
    folder: Folder
    workers: int
    is_signed: bool | None
    """Whether what the hook is told is signed; ``None`` without a hook."""


@contextmanager
def simulation(
    order: Order, observer: Observer, *, clock: Clock | None = None, limits: Limits | None = None
) -> Iterator[Simulation]:
    """A simulation whose folder is held and whose workers live for the body.

    Raises:
        UsageError: the workflows cannot be loaded, or the environment cannot be understood.
        ShadowError: the folder is in use or holds another simulation, or there are no workers.
    """
    clock = clock or SystemClock()
    hook, is_signed = _hook(clock)
    folder = Folder(order.out)
    settings = folder.settings() if order.resume else _settings(order, clock)
    folder.take()
    try:
        if not order.resume:
            folder.refuse_begun()
        fleet = _fleet(order, settings)
        try:
            settings = _begun(folder, order, settings, fleet)
            coordinator = Coordinator(
                settings,
                folder,
                fleet,
                observer=observer,
                hook=hook,
                fleet_name=order.fleet,
                clock=clock,
                limits=limits,
            )
            yield Simulation(coordinator, settings, folder, fleet.workers, is_signed)
        finally:
            fleet.close()
    finally:
        folder.release()


def new_folder(clock: Clock | None = None) -> Path:
    """A folder for a simulation that names none, as ``shadow_simulation_20260101_000000`` in the temporary folder."""
    at = (clock or SystemClock()).now().strftime("%Y%m%d_%H%M%S")
    base = Path(tempfile.gettempdir(), f"{_NAME}{at}")
    names = (base, *(base.with_name(f"{base.name}_{n}") for n in range(2, _MOST_FOLDERS)))
    return next(path for path in names if not path.exists())


def latest_folder() -> Path:
    """The newest of the folders that ``new_folder`` named.

    Raises:
        ShadowFolderError: there is none.
    """
    found = Path(tempfile.gettempdir()).glob(f"{_NAME}*/status.json")
    dated = sorted((path.stat().st_mtime, path.parent) for path in found)
    if not dated:
        raise ShadowFolderError(
            f"no simulation in {tempfile.gettempdir()}", hint="aos-workflow shadow run --quick"
        )
    return dated[-1][1]


def _settings(order: Order, clock: Clock) -> Settings:
    return Settings(
        campaign=order.campaign,
        runner=order.runner,
        cycles=_cycles(order, order.together),
        hours=order.hours,
        together=order.together,
        interval_s=order.interval_s,
        created_at=rfc3339(clock.now()),
        version=__version__,
    )


def _begun(folder: Folder, order: Order, settings: Settings, fleet: Fleet) -> Settings:
    """The settings as the folder has them, once the workers are known to run the code that they are about."""
    fingerprint = fleet.start(shadow_hash_seed(settings.campaign.seed, 0))
    if not order.resume:
        settings = replace(settings, fingerprint=fingerprint)
        folder.begin(settings)
        return settings
    if fingerprint != settings.fingerprint:
        raise ShadowChangedError(
            f"the workflows are not those that {folder.path} was begun with",
            folder=str(folder.path),
            hint="aos-workflow shadow run",
        )
    cycles = _cycles(order, settings.together)
    return folder.extend(settings, cycles=cycles, hours=order.hours)


def _cycles(order: Order, together: int) -> int | None:
    return None if order.cycles is None else order.cycles * together


def _fleet(order: Order, settings: Settings) -> Fleet:
    setup = SideSetup(settings.campaign, settings.runner, order.cycle_limit_s)
    if order.fleet == "local":
        return LocalFleet(setup, order.workers or _processors())
    if order.fleet != "ray" and not order.fleet.startswith("ray://"):
        raise UsageError(f"no fleet {order.fleet!r}", hint="--fleet local, ray or ray://HOST:PORT")
    try:
        from aos_workflow.shadow.fleet_ray import RayFleet
    except ModuleNotFoundError as error:
        raise FleetMissingError(
            f"the fleet {order.fleet} needs {error.name}", hint="pip install 'aos-workflow[ray]'"
        ) from None
    return RayFleet(setup, order.workers, order.fleet)


def _processors() -> int:
    """Those that this process may use."""
    usable = getattr(os, "sched_getaffinity", None)
    return len(usable(0)) if usable else os.cpu_count() or 1


def _hook(clock: Clock) -> tuple[Teller, bool | None]:
    found = config.shadow_hook()
    if found is None:
        return NoHook(), None
    return Hook(found, clock), found.secret is not None
