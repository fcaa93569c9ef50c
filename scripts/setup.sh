#!/usr/bin/env bash
# Finds or makes a Python environment for this project and prints its interpreter on the last line. Safe to run again.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/lib/words.sh
. "$ROOT/scripts/lib/words.sh"

usage() {
  cat <<'TEXT'
usage: bash scripts/setup.sh [env=auto|current|venv] [dev=true|false]

Prints the path of a Python interpreter that has everything the project needs; messages go to stderr.
  env=auto     the active environment when it has everything at compatible versions, else .venv (default)
  env=current  the active environment; what is missing is installed into it
  env=venv     always .venv in the project folder
  dev=true     the tools for the tests as well, Chromium among them (by apt-get, as root)
The same names are read from the environment. Exact versions: requirements/constraints.txt.
TEXT
}

say() { printf 'setup: %s\n' "$1" >&2; }

fits() { "$1" "$ROOT/scripts/lib/check_env.py" "$ROOT/pyproject.toml" "${EXTRAS[@]}" >/dev/null 2>&1; }

# The interpreter of the active environment: a venv, then conda, then the PATH.
active_python() {
  if [ -n "${VIRTUAL_ENV:-}" ]; then
    printf '%s' "$VIRTUAL_ENV/bin/python"
  elif [ -n "${CONDA_PREFIX:-}" ] && [ -x "$CONDA_PREFIX/bin/python" ]; then
    printf '%s' "$CONDA_PREFIX/bin/python"
  else
    command -v python3 || true
  fi
}

# A Python of a supported version to make the venv with.
base_python() {
  local name
  for name in "$(active_python)" python3.12 python3.11 python3; do
    if [ -n "$name" ] && "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' 2>/dev/null; then
      printf '%s' "$name"
      return
    fi
  done
  die "no Python 3.11 or 3.12 found; install one (for example: apt-get install python3.11 python3.11-venv)"
}

# The browser of tests/report/test_browser.py. Without it that test fails and says the same command.
ensure_browser() {
  if command -v chromium >/dev/null && command -v chromedriver >/dev/null; then return; fi
  local packages="chromium chromium-driver"
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "installing $packages for the browser test"
    # shellcheck disable=SC2086
    if { apt-get -qq -o DPkg::Lock::Timeout=300 update &&
      DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 install --no-install-recommends $packages; } >&2; then
      return
    fi
  fi
  say "the browser test needs chromium and chromedriver (on Debian: apt-get install $packages)"
}

install_into() {
  local python=$1 wanted
  wanted=$("$python" - "$ROOT/pyproject.toml" "${EXTRAS[@]}" <<'PY'
import sys, tomllib
project = tomllib.load(open(sys.argv[1], "rb"))["project"]
lines = project["dependencies"] + [x for e in sys.argv[2:] for x in project["optional-dependencies"][e]]
print("\n".join(line for line in lines if not line.startswith(("torch>", "torchvision>"))))
PY
  )
  say "installing into $("$python" -c 'import sys; print(sys.prefix)') (some minutes the first time)"
  local pip=("$python" -m pip install --quiet --disable-pip-version-check -c "$ROOT/requirements/constraints.txt")
  # torch goes first and pinned, so that no other package's range picks another build.
  "${pip[@]}" "$(grep -E '^torch==' "$ROOT/requirements/constraints.txt")" packaging >&2 &&
    "${pip[@]}" "$(grep -E '^torchvision==' "$ROOT/requirements/constraints.txt")" >&2 &&
    printf '%s\n' "$wanted" | "${pip[@]}" -r /dev/stdin >&2 ||
    die "installing failed; check the network and free space, then run scripts/setup.sh again"
  fits "$python" || die "installed, but something still does not fit: $("$python" "$ROOT/scripts/lib/check_env.py" "$ROOT/pyproject.toml" "${EXTRAS[@]}" | head -3)"
}

main() {
  case "${1:-}" in -h | --help | help) usage; exit 0 ;; esac
  # The name `env` from the environment is honoured only with a legal value: other tools use it for files.
  case "${env:-}" in auto | current | venv) ;; *) env=auto ;; esac
  dev=${dev:-false}
  words_parse env dev -- "$@"
  case "$env" in auto | current | venv) ;; *) die "env must be auto, current or venv, got '$env'" 2 ;; esac
  EXTRAS=()
  if is_true dev "$dev"; then
    EXTRAS=(dev)
    ensure_browser
  fi

  local current venv=$ROOT/.venv/bin/python
  current=$(active_python)
  if [ "$env" != venv ] && [ -n "$current" ] && fits "$current"; then
    say "using $current"
    printf '%s\n' "$current"
    return
  fi
  if [ "$env" = current ]; then
    [ -n "$current" ] || die "no active Python environment"
    install_into "$current"
    printf '%s\n' "$current"
    return
  fi
  # One installation at a time, should two runs start together.
  exec 9>"$ROOT/.setup.lock"
  ! command -v flock >/dev/null || flock 9
  if ! [ -x "$venv" ] || ! "$venv" -m pip --version >/dev/null 2>&1; then
    say "making .venv"
    rm -rf "$ROOT/.venv"
    "$(base_python)" -m venv "$ROOT/.venv" || die "could not make .venv (on Debian: apt-get install python3-venv)"
  fi
  if fits "$venv"; then say "using .venv"; else install_into "$venv"; fi
  printf '%s\n' "$venv"
}

main "$@"
