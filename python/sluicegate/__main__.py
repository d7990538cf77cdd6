"""The command-line program: ``python -m sluicegate``, and the script ``sluicegate``."""

from __future__ import annotations

import signal
import sys

from . import _sluicegate


def main() -> int:
    """Run the program with the arguments of this process.

    Returns:
        its exit code.
    """
    # Python would wait until the program ends before it looks at Ctrl-C.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.stdout.flush()
    return _sluicegate.main(["sluicegate", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
