#!/usr/bin/env bash
# Merges an adapter (stage 2, LoRA) into its base model and writes grounding.json beside the merged weights.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/lib/words.sh
. "$ROOT/scripts/lib/words.sh"

usage() {
  cat <<'TEXT'
usage: bash scripts/merge_stage2_lora.sh adapter=FOLDER out=FOLDER [base=FOLDER] [config=CONFIG] [dtype=bfloat16] [dry_run=true] [env=...]

  adapter  checkpoint folder with adapter_config.json
  out      folder for the merged model; must not exist
  base     base model, when it is no longer where the adapter's args.json says
  config   training config, when the adapter folder has no grounding.json
  dtype    float32, bfloat16 or float16; default the base model's
  dry_run  print the command and run nothing
  env      passed to scripts/setup.sh
The same names are read from the environment (adapter=... out=... bash scripts/merge_stage2_lora.sh).
TEXT
}

# A path from where the user stands, right after the change of folder too.
absolute() {
  case "$1" in /*) printf '%s' "$1" ;; *) printf '%s/%s' "$PWD" "$1" ;; esac
}

main() {
  case "${1:-}" in -h | --help | help) usage; exit 0 ;; esac
  adapter=${adapter:-} out=${out:-} base=${base:-} config=${config:-} dtype=${dtype:-} dry_run=${dry_run:-false}
  words_parse adapter out base config dtype dry_run env -- "$@"
  [ -n "$adapter" ] || die "which adapter? For example: adapter=runs/stage2/checkpoint-100 out=models/merged" 2
  [ -n "$out" ] || die "where to? For example: out=models/merged" 2
  local command=(-m src.export --model "$(absolute "$adapter")" --out "$(absolute "$out")")
  if [ -n "$base" ]; then command+=(--base "$(absolute "$base")"); fi
  if [ -n "$config" ]; then
    if [ -f "$config" ]; then config=$(absolute "$config"); fi
    command+=(--config "$config")
  fi
  if [ -n "$dtype" ]; then command+=(--dtype "$dtype"); fi
  if is_true dry_run "$dry_run"; then
    printf '%q ' python "${command[@]}"
    printf '\n'
    return
  fi
  [ -f "$adapter/adapter_config.json" ] || die "$adapter has no adapter_config.json: it is no adapter folder"
  local python
  python=$(bash "$ROOT/scripts/setup.sh" env="${env:-auto}" | tail -n 1)
  cd "$ROOT"
  "$python" "${command[@]}"
}

main "$@"
