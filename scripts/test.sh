#!/usr/bin/env bash
# Sets up the environment with the test tools and runs pytest; further words go to pytest (default: the fast suite).
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
case "${1:-}" in
  -h | --help | help)
    printf 'usage: bash scripts/test.sh [pytest arguments]\n\nThe fast suite by default; `-m full` runs the slow whole of the reliability tests.\n'
    exit 0
    ;;
esac
python=$(dev=true bash "$ROOT/scripts/setup.sh" | tail -n 1)
cd "$ROOT"
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-2} OMP_WAIT_POLICY=PASSIVE TOKENIZERS_PARALLELISM=false CUDA_VISIBLE_DEVICES=
exec "$python" -m pytest "$@"
