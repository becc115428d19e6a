"""One side of many cycles: the program in the process that ``shadow.side`` starts.

It imports everything once. For each order it forks, and the child runs the cycles of the order: all of them begin
from the same memory, whatever ran before, and what they leak ends with them. It answers one message a cycle.

    ← {"side", "campaign", "runner"}     → {"ready": fingerprint} or {"failed": error}
    ← {"numbers", "given_up", "primary"} → a message for each number, then {"end": true}

An end of its input, or the death of a child, ends it. The death of it ends its child (Linux; elsewhere at the child's
next message). Standard output belongs to the protocol, so workflows that print write nowhere.
"""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import os
import select
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from aos_workflow.errors import AosError
from aos_workflow.shadow.records import Campaign, Cycle, CycleReport, Side, SideResult, Verdict
from aos_workflow.shadow.runner import Runner, decode_result, encode_result, load_runner
from aos_workflow.shadow.wire import Channel, ChannelClosedError

__all__ = ["GOLDEN_EVERY", "main"]

GOLDEN_EVERY = 64
"""Every so manieth cycle hands its golden over, if it matches; the folder keeps some of them."""
_PARENT_DEATH_SIGNAL = 1


def main() -> None:
    """Serve one coordinator until it is gone."""
    faulthandler.enable()
    channel = _take_streams()
    try:
        _serve(channel)
    except ChannelClosedError:
        return


def _serve(channel: Channel) -> None:
    setup = orjson.loads(channel.receive())
    side = Side(setup["side"])
    try:
        runner = load_runner(setup["runner"], Campaign.from_json(setup["campaign"]))
        runner.warm_up()
    except AosError as error:
        channel.send(orjson.dumps({"failed": error.to_dict()}, default=str))
        return
    except Exception as error:  # noqa: BLE001 - a user's module may raise anything
        message = f"{type(error).__name__}: {error}"
        channel.send(orjson.dumps({"failed": {"code": "INTERNAL", "message": message}}))
        return
    channel.send(orjson.dumps({"ready": runner.fingerprint}))
    gc.collect()
    gc.freeze()
    while True:
        _fork(channel, runner, side, channel.receive())
        channel.send(b'{"end":true}')


def _take_streams() -> Channel:
    """The descriptors of standard input and output for us; nothing and nowhere for everybody else."""
    channel = Channel(os.dup(0), os.dup(1))
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return channel


def _fork(channel: Channel, runner: Runner, side: Side, order: bytes) -> None:
    """Have a child do it, and wait for its end or for that of the coordinator."""
    parent = os.getpid()
    alive, held = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            _die_with(parent)
            _run(
                channel, runner, side, orjson.loads(order)
            )  # here: the parent stays as small as it was
            code = 0
        except ChannelClosedError:
            pass
        except BaseException:  # noqa: BLE001 - the child ends here, whatever happens
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(code)
    os.close(held)
    try:
        _wait(channel, alive, child)
    finally:
        os.close(alive)


def _wait(channel: Channel, alive: int, child: int) -> None:
    poll = select.poll()
    poll.register(alive, select.POLLIN)  # ends when the child does
    poll.register(channel.reading, 0)  # only hanging up: nothing is sent meanwhile
    ready = [number for number, _ in poll.poll()]
    if alive not in ready:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if alive not in ready:
        raise ChannelClosedError
    if code := os.waitstatus_to_exitcode(status):
        _end_alike(code)


def _end_alike(code: int) -> None:
    """End as the child did: by its signal, or with its code."""
    if code < 0:
        signal.signal(-code, signal.SIG_DFL) if -code != signal.SIGKILL else None
        os.kill(os.getpid(), -code)
    os._exit(code if code > 0 else 1)


def _die_with(parent: int) -> None:
    """Be killed by the kernel when the parent ends, where there is such a thing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def _run(channel: Channel, runner: Runner, side: Side, order: Mapping[str, Any]) -> None:
    given_up = {int(number): reason for number, reason in order["given_up"].items()}
    primaries: Sequence[Any] = order["primary"]
    for index, number in enumerate(order["numbers"]):
        if side is Side.PRIMARY:
            channel.send(b"{}" if number in given_up else _primary(runner, number))
        else:
            channel.send(_shadow(runner, number, given_up.get(number), primaries[index]))


def _primary(runner: Runner, number: int) -> bytes:
    try:
        return encode_result(runner.run_side(runner.plan(number), Side.PRIMARY))
    except Exception as error:  # noqa: BLE001 - becomes a report
        return orjson.dumps({"failed": _words(Side.PRIMARY, error)})


def _shadow(runner: Runner, number: int, given_up: str | None, primary: Mapping[str, Any]) -> bytes:
    """One cycle's report, with its golden if its turn has come, and with its case if it is a mismatch."""
    cycle = Cycle(number, 0, "unknown")
    try:
        cycle = runner.plan(number)
        if reason := given_up or primary.get("failed"):
            return _answer(_error(cycle, reason))
        first = decode_result(primary)
        second = runner.run_side(cycle, Side.SHADOW)
        report = runner.compare(cycle, first, second)
        return _answer(report, **_files(runner, cycle, first, second, report))
    except Exception as error:  # noqa: BLE001 - becomes a report
        return _answer(_error(cycle, _words(Side.SHADOW, error)))


def _files(
    runner: Runner, cycle: Cycle, first: SideResult, second: SideResult, report: CycleReport
) -> dict[str, Any]:
    if report.verdict is Verdict.MISMATCH:
        case = runner.case(cycle, first, second, report)
        return {"case": {name: data.decode() for name, data in case.items()}}
    if report.verdict is Verdict.MATCH and cycle.number % GOLDEN_EVERY == 0:
        return {"golden": runner.golden(cycle, first).decode()}
    return {}


def _error(cycle: Cycle, reason: str) -> CycleReport:
    return CycleReport(
        number=cycle.number,
        seed=cycle.seed,
        workflow=cycle.workflow,
        verdict=Verdict.ERROR,
        primary_hash="",
        shadow_hash="",
        steps=0,
        cause="simulation",
        message=reason,
    )


def _answer(report: CycleReport, **files: Any) -> bytes:
    return orjson.dumps({"report": report, **files})


def _words(side: Side, error: Exception) -> str:
    return f"{side}: {type(error).__name__}: {error}"


if __name__ == "__main__":
    main()
