#!/usr/bin/env bash
# Trains by a config: environment, check, data and model preparation, then src.sft on one or several devices.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/lib/words.sh
. "$ROOT/scripts/lib/words.sh"

usage() {
  cat <<'TEXT'
usage: bash scripts/train.sh config=CONFIG [gpus=0,1|cpu] [nproc=N] [set=a.b=c ...] [resume=auto|PATH] [debug=true] [dry_run=true] [env=...]

  config   path (absolute or from the project folder), or a bare name under configs/
  gpus     device numbers such as 0 or 0,1,2,3; cpu for none (default: 0 when there is a GPU, else cpu)
  nproc    number of CPU processes (with gpus=cpu; default 1)
  set      overrides a value of the config; may be repeated
  resume   auto: go on from the newest complete checkpoint, or start anew when there is none; or a checkpoint or run folder
  debug    log more
  dry_run  print the commands and run nothing
  env      passed to scripts/setup.sh
The same names are read from the environment (config=... gpus=... bash scripts/train.sh). More than one device runs torchrun.
TEXT
}

# Runs a command, or prints it quoted in a dry run.
run() {
  if is_true dry_run "$dry_run"; then
    printf '%q ' "$@"
    printf '\n'
  else
    "$@"
  fi
}

main() {
  case "${1:-}" in -h | --help | help) usage; exit 0 ;; esac
  config=${config:-} gpus=${gpus:-} nproc=${nproc:-1} debug=${debug:-false} dry_run=${dry_run:-false} resume=${resume:-}
  words_parse config gpus nproc set resume debug dry_run env -- "$@"
  [ -n "$config" ] || die "which config? For example: bash scripts/train.sh config=configs/quickstart.yaml" 2
  if [ -z "$gpus" ]; then
    if command -v nvidia-smi >/dev/null && nvidia-smi -L >/dev/null 2>&1; then gpus=0; else gpus=cpu; fi
  fi
  local devices
  if [ "$gpus" = cpu ]; then
    [[ "$nproc" =~ ^[1-9][0-9]*$ ]] || die "nproc must be a positive number, got '$nproc'" 2
    devices=$nproc
  else
    [[ "$gpus" =~ ^[0-9]+(,[0-9]+)*$ ]] || die "gpus must be cpu or numbers such as 0,1, got '$gpus'" 2
    [ "$nproc" = 1 ] || die "nproc counts CPU processes; with gpus=$gpus there is one process a GPU" 2
    devices=$(awk -F, '{print NF}' <<<"$gpus")
  fi

  local python
  if is_true dry_run "$dry_run"; then
    python=python
  else
    python=$(bash "$ROOT/scripts/setup.sh" env="${env:-auto}" | tail -n 1)
  fi

  # Spinning OpenMP threads take the cores of the other processes: share them out and wait quietly.
  local cores
  cores=$(nproc_of_machine)
  export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$((cores / devices > 0 ? cores / devices : 1))}
  export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-PASSIVE} TOKENIZERS_PARALLELISM=false PYTHONUNBUFFERED=1
  export PYTORCH_ALLOC_CONF=${PYTORCH_ALLOC_CONF:-expandable_segments:True}
  if [ "$gpus" = cpu ]; then export CUDA_VISIBLE_DEVICES=; else export CUDA_VISIBLE_DEVICES=$gpus; fi

  # A path from where the user stands stays right after the change of folder.
  if [ "$resume" != auto ] && [ -d "$resume" ]; then resume=$(cd "$resume" && pwd); fi
  if [ -f "$config" ]; then config=$(cd "$(dirname "$config")" && pwd)/$(basename "$config"); fi
  cd "$ROOT"
  local sets=() word
  for word in "${SET_WORDS[@]}"; do sets+=(--set "$word"); done
  local launch=("$python")
  if [ "$devices" -gt 1 ]; then
    launch=("$python" -m torch.distributed.run --standalone --nproc_per_node "$devices")
  fi
  local extra=()
  if [ -n "$resume" ]; then
    extra+=(--resume "$resume")
  fi
  if is_true debug "$debug"; then extra+=(--debug); fi
  run "$python" -m src.config validate "$config" "${sets[@]}"
  run "$python" -m src.prepare --config "$config" "${sets[@]}"
  run "${launch[@]}" -m src.sft --config "$config" "${sets[@]}" "${extra[@]}"
}

nproc_of_machine() { command nproc 2>/dev/null || printf 1; }

main "$@"
