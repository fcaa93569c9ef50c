"""What every command line shares: strict argument parsing and exit codes.

0 success, 1 a problem with data or config (printed without a traceback), 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from src.errors import ProjectError, UsageError


def parser(prog: str, description: str) -> argparse.ArgumentParser:
    """An `ArgumentParser` that refuses abbreviated option names and shows defaults in --help."""
    return argparse.ArgumentParser(
        prog=prog,
        description=description,
        allow_abbrev=False,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )


def run(main: Callable[[Sequence[str]], int], argv: Sequence[str] | None = None) -> int:
    """Call `main(argv)` and turn a `ProjectError` into one clear message on stderr and an exit code.

    Use: `if __name__ == "__main__": sys.exit(run(main))`.
    """
    try:
        return main(sys.argv[1:] if argv is None else argv)
    except UsageError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    except ProjectError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except BrokenPipeError:
        # The reader (head, less) went away; that is its right. Keep Python from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130
