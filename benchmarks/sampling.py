"""Where CPU time goes, by samples: a signal for every so much CPU time, and whose code it falls in.

A tracing profiler would make calls dear and so find what calls most; this one costs next to
nothing. Time inside C is that of the Python code which called it.
"""

import signal
import sys
from collections import Counter
from types import FrameType
from typing import Final, Self

INTERVAL_S: Final = 0.001
"""Asked for; the kernel's clock may make it 4 ms, which changes nothing but the count."""

PYTHON: Final = "python's own"
OURS: Final = "payment_dr"


class Sampler:
    """Counts samples of the main thread by module, between entering and leaving."""

    def __init__(self) -> None:
        self.modules: Counter[str] = Counter()

    def __enter__(self) -> Self:
        signal.signal(signal.SIGPROF, self._take)
        signal.siginterrupt(signal.SIGPROF, False)  # noqa: FBT003 - as the library has it
        signal.setitimer(signal.ITIMER_PROF, INTERVAL_S, INTERVAL_S)
        return self

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)

    def _take(self, _number: int, frame: FrameType | None) -> None:
        if frame is not None:
            self.modules[str(frame.f_globals.get("__name__", PYTHON))] += 1


def by_package(modules: Counter[str]) -> Counter[str]:
    """Samples by distribution; Python's own library is one of them."""
    found: Counter[str] = Counter()
    for module, samples in modules.items():
        top = module.partition(".")[0]
        is_pythons = top in sys.stdlib_module_names or top.startswith("namedtuple_")
        found[PYTHON if is_pythons else top] += samples
    return found


def of_ours(modules: Counter[str]) -> Counter[str]:
    """Samples by module, of this project's alone."""
    return Counter({m: n for m, n in modules.items() if m.partition(".")[0] == OURS})


def shares(samples: Counter[str], total: int, whole: float, most: int) -> dict[str, float]:
    """What the largest take of `whole`, in its unit, rounded to thousandths."""
    return {name: round(n / total * whole, 3) for name, n in samples.most_common(most)}
