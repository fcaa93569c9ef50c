#!/usr/bin/env bash
# Converts an annotation export into contract JSONL.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/lib/words.sh
. "$ROOT/scripts/lib/words.sh"

usage() {
  cat <<'TEXT'
usage: bash data_conversion/convert_dataset.sh input=DIR format=voc output=DIR [domain=PACK] [split=auto|seeded]
         [val_ratio=0.1] [seed=17] [workers=N] [limit=N] [exif=auto|raw|upright] [fail_fast=true] [overwrite=true] [env=...]

The same names are read from the environment. Outputs: all_samples.jsonl, train.jsonl, val.jsonl, images/,
label_vocabulary.json, quarantine.jsonl and, last, conversion_report.json. See docs/data/CONVERSION.md.
TEXT
}

main() {
  case "${1:-}" in -h | --help | help) usage; exit 0 ;; esac
  local known=(input output format domain split val_ratio seed workers limit exif)
  words_parse "${known[@]}" fail_fast overwrite env -- "$@"
  local required
  for required in input output format; do
    [ -n "${!required:-}" ] || die "$required= is missing; see --help" 2
  done
  local arguments=() name value
  for name in "${known[@]}"; do
    value=${!name:-}
    [ -z "$value" ] || arguments+=("--${name//_/-}" "$value")
  done
  if is_true fail_fast "${fail_fast:-}"; then arguments+=(--fail-fast); fi
  if is_true overwrite "${overwrite:-}"; then arguments+=(--overwrite); fi
  local python
  python=$(bash "$ROOT/scripts/setup.sh" env="${env:-auto}" | tail -n 1)
  PYTHONPATH=$ROOT exec "$python" -m data_conversion "${arguments[@]}"
}

main "$@"
