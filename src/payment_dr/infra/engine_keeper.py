"""Keeps an engine for a command that may vanish: `python -m ... LONGEST_S PATIENCE_S COMMAND...`.

The engine's lines go on to standard output. When standard input ends (the command wants it to
stop, or is gone, in whatever way) or the longest time is over, the engine is interrupted once, as
by Ctrl-C, and then has its time to save the state. It never writes to the command itself: a
broken pipe would kill it in the middle of an apply.
"""

import json
import os
import select
import signal
import subprocess
import sys
import threading

_SIGNAL_STATUS = 128


def main() -> int:
    """Run the command in this process's arguments; its exit code, as a shell would tell it."""
    longest_s, patience_s = float(sys.argv[1]), float(sys.argv[2])
    # A shell's background jobs ignore it, and so would the engine.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    with (
        subprocess.Popen(  # noqa: S603 - an engine that `engine_run` has chosen
            sys.argv[3:], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as engine
    ):
        threading.Thread(target=_end, args=(engine, longest_s, patience_s), daemon=True).start()
        # Copied to the end even when nobody reads it any more.
        for line in engine.stdout or ():
            _write(line)
        code = engine.wait()
    return code if code >= 0 else _SIGNAL_STATUS - code


def _end(engine: "subprocess.Popen[bytes]", longest_s: float, patience_s: float) -> None:
    asked, _, _ = select.select([sys.stdin], [], [], longest_s)
    if not asked:
        _complain(f"still at work after {longest_s:g} s, the longest time of a run: interrupted")
    engine.send_signal(signal.SIGINT)
    try:
        engine.wait(patience_s)
    except subprocess.TimeoutExpired:
        _complain(f"no end {patience_s:g} s after its interruption: killed, see its state")
        engine.kill()


def _complain(summary: str) -> None:
    """As a message of the engine's own format."""
    diagnostic = {"severity": "error", "summary": summary}
    _write(json.dumps({"type": "diagnostic", "diagnostic": diagnostic}).encode() + b"\n")


def _write(line: bytes) -> None:
    try:
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
