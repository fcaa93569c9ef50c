"""Does this Python have every dependency of pyproject.toml at a compatible version? Standard library and pip's `packaging` only.

Usage: python check_env.py PYPROJECT [EXTRA ...]. Prints what is missing, a line each; exit code 0 when nothing is.
Reads installed metadata, imports nothing heavy: some 50 ms.
"""

import importlib.metadata
import sys
import tomllib
from pathlib import Path


def problems(pyproject: Path, extras: list[str]) -> list[str]:
    """One line for each requirement that is not met."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    if not (3, 11) <= sys.version_info[:2] < (3, 13):
        return [f"Python {sys.version.split()[0]} (needs {project['requires-python']})"]
    try:
        from packaging.requirements import Requirement
    except ImportError:
        return ["packaging (and so everything else)"]
    lines = [*project["dependencies"]]
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    found = []
    for line in lines:
        requirement = Requirement(line)
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            found.append(f"{line} (missing)")
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            found.append(f"{line} (found {version})")
    return found


def main(argv: list[str]) -> int:
    missing = problems(Path(argv[0]), argv[1:])
    for line in missing:
        print(line)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
