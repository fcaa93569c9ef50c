#!/usr/bin/env bash
# Converts an annotation export into contract JSONL.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/lib/words.sh
. "$ROOT/scripts/lib/words.sh"

usage() {
  cat <<'TEXT'
usage: bash data_conversion/convert_dataset.sh input=DIR|FILE output=DIR [format=auto] [word=value ...]

  reading   format=auto|NAME image_root=DIR images=true|false space=pixels|norm1|norm100|norm1000|qwen25
            exif=auto|raw|upright limit=N
  text      domain=PACK unmapped=note|quarantine summary=auto|none
  shapes    geometry=annotated|bbox parts=largest|split|merge max_vertices=N min_area=PX keep_crowd=true|false
            emptied=quarantine|negative
  pictures  resize=true|false min_pixels=N max_pixels=1048576 image_factor=32 quality=95 (any size turns resize on)
  split     split=auto|seeded val_ratio=0.1 group_by=REGEX|key:NAME seed=17
  running   workers=N fail_fast=true overwrite=true env=...

The same names are read from the environment. Killed or interrupted, the same command goes on where it stopped. Outputs:
all_samples.jsonl, train.jsonl, val.jsonl, train_tiny.jsonl, val_tiny.jsonl, images/, label_vocabulary.json, quarantine.jsonl,
findings.jsonl, conversion_report.html and, last, conversion_report.json. See docs/data/CONVERSION.md.
TEXT
}

main() {
  case "${1:-}" in -h | --help | help) usage; exit 0 ;; esac
  local values=(input output format image_root space exif limit domain unmapped summary geometry parts max_vertices min_area emptied
    min_pixels max_pixels image_factor quality split val_ratio group_by seed workers)
  local switches=(images keep_crowd resize fail_fast overwrite)
  words_parse "${values[@]}" "${switches[@]}" env -- "$@"
  local required
  for required in input output; do
    [ -n "${!required:-}" ] || die "$required= is missing; see --help" 2
  done
  local arguments=() name value
  for name in "${values[@]}"; do
    value=${!name:-}
    [ -z "$value" ] || arguments+=("--${name//_/-}=$value")
  done
  for name in "${switches[@]}"; do
    value=${!name:-}
    [ -n "$value" ] || continue
    if is_true "$name" "$value"; then arguments+=("--${name//_/-}"); else arguments+=("--no-${name//_/-}"); fi
  done
  local python
  python=$(bash "$ROOT/scripts/setup.sh" env="${env:-auto}" | tail -n 1)
  PYTHONPATH=$ROOT exec "$python" -m data_conversion "${arguments[@]}"
}

main "$@"
