#!/usr/bin/env bash
# Writes contract JSONL in another format.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/lib/words.sh
. "$ROOT/scripts/lib/words.sh"

usage() {
  cat <<'TEXT'
usage: bash data_conversion/export_dataset.sh jsonl=FILE[,FILE...] format=NAME output=DIR [space=norm1000] [answer=qwen]
         [prompt=TEXT] [domain=PACK] [images=true|false] [overwrite=true] [json=true] [env=...]

The same names are read from the environment. Fills the output with the format's files, the pictures and, last,
fidelity_report.json: what the format cannot hold. See docs/data/FORMATS.md.
TEXT
}

main() {
  case "${1:-}" in -h | --help | help) usage; exit 0 ;; esac
  local known=(format output space answer prompt domain)
  words_parse jsonl "${known[@]}" images overwrite json env -- "$@"
  local required
  for required in jsonl format output; do
    [ -n "${!required:-}" ] || die "$required= is missing; see --help" 2
  done
  local arguments=() name value files
  IFS=, read -r -a files <<<"$jsonl"
  arguments+=(--jsonl "${files[@]}")
  for name in "${known[@]}"; do
    value=${!name:-}
    [ -z "$value" ] || arguments+=("--$name" "$value")
  done
  if ! is_true images "${images:-true}"; then arguments+=(--no-images); fi
  if is_true overwrite "${overwrite:-}"; then arguments+=(--overwrite); fi
  if is_true json "${json:-}"; then arguments+=(--json); fi
  local python
  python=$(bash "$ROOT/scripts/setup.sh" env="${env:-auto}" | tail -n 1)
  PYTHONPATH=$ROOT exec "$python" -m data_conversion.export "${arguments[@]}"
}

main "$@"
