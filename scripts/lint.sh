#!/usr/bin/env bash
# Style and types: ruff everywhere, mypy (strict) on the layers without torch.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
case "${1:-}" in
  -h | --help | help)
    printf 'usage: bash scripts/lint.sh\n\nruff check, then mypy on the layers below training and the converters.\n'
    exit 0
    ;;
esac
python=$(dev=true bash "$ROOT/scripts/setup.sh" | tail -n 1)
cd "$ROOT"
"$python" -m ruff check .
"$python" -m mypy src/errors.py src/rng.py src/files.py src/images.py src/utils src/contract src/typed_yaml \
  src/datasets src/doctor src/domains src/evaluation src/report src/config \
  src/generation src/predict.py src/export.py src/parity.py data_conversion public_data
