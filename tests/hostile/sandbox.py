"""Models judged in a process of their own, with bounds on memory and processor time that the system enforces.

    verdicts = judge({"name": Case(text)})

runs every text through `check`, or through compilation too. A text that needs more memory than `MEMORY` beyond what the
compiler itself takes, or more processor time than `SECONDS`, is told as such and the next one is judged; a process that
dies (which no text may bring about) is told with the text at which it died.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path

#: Bytes that a text may take beyond what the compiler holds when it has compiled a small model.
MEMORY = 700 * 2**20
#: Seconds of processor time for one text: a guard, generous beside the second that is meant.
SECONDS = 20


@dataclass(frozen=True)
class Verdict:
    """What became of a text.

    ``outcome``: accepted, refused (mistakes or a sentence), crashed (any other exception), slow, greedy, or died.
    ``text``: mistakes, warnings or traceback. ``seconds`` of processor time.
    """

    outcome: str
    text: str
    seconds: float = 0.0


def judge(paths: dict[str, Path], stage: str = "check") -> dict[str, Verdict]:
    """Return the verdict on each file; ``stage`` is check or compile."""
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": str(root), "OPENBLAS_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}
    request = json.dumps({"stage": stage, "paths": {name: str(path) for name, path in paths.items()}})
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", __file__],
        input=request.encode(),
        capture_output=True,
        env=environment,
        timeout=60 + SECONDS * len(paths),
        check=False,
    )
    verdicts = {}
    for line in done.stdout.decode().splitlines():
        name, *rest = json.loads(line)
        verdicts[name] = Verdict(*rest)
    for name in list(paths)[len(verdicts) :][:1]:
        verdicts[name] = Verdict("died", f"exit {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]}")
    return verdicts


# --- in the process ---------------------------------------------------------------------------------------------------


class _OutOfTime(BaseException):
    pass


def _alarm(*_: object) -> None:
    raise _OutOfTime


def _work(request: dict) -> None:
    from crncompile.compiler import compile_source, loads
    from crncompile.language.reading import read_source, smallest_model

    loads(smallest_model())
    _limit_memory()
    signal.signal(signal.SIGPROF, _alarm)
    for name, path in request["paths"].items():
        print(json.dumps([name, *_verdict(path, request["stage"], read_source, compile_source)]), flush=True)


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _verdict(path, stage, read_source, compile_source) -> tuple[str, str, float]:
    from crncompile.compiler import check_source
    from crncompile.errors import CrnError

    start = _cpu()
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        source = read_source(path)
        network = check_source(source) if stage == "check" else compile_source(source).network
        outcome, text = "accepted", "\n".join(map(str, network.warnings))
    except CrnError as error:
        outcome, text = "refused", str(error)
    except _OutOfTime:
        outcome, text = "slow", traceback.format_exc()[-3000:]
    except MemoryError:
        outcome, text = "greedy", traceback.format_exc()[-3000:]
    except BaseException:
        outcome, text = "crashed", traceback.format_exc()[-3000:]
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return outcome, text.replace(str(path), Path(path).name), _cpu() - start


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    _work(json.load(sys.stdin))
