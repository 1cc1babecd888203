#!/usr/bin/env bash
# A short training, its evaluation, the leaderboard and a quantized file under valgrind's memcheck: uses of memory that
# nobody wrote, which no sanitizer of g++ sees. Takes minutes: valgrind is some fifty times slower, and knows no AVX-512.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export QRUN_INSTRUCTION_SET=${QRUN_INSTRUCTION_SET:-avx2}

checked() {
  echo "memcheck: qrun $*"
  valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite \
    build/qrun "$@" >"$folder/stdout" 2>"$folder/stderr" && return
  cat "$folder/stderr" >&2
  return 1
}

checked configs/smoke.yaml train.epochs=2 train.iterations_per_epoch=2 data.train.synthetic_digits=200 \
  data.test.synthetic_digits=100 name=memcheck output.dir="$folder" --threads 2 --no-progress
run=$(find "$folder" -name 'run-*.h5')
checked show "$run"
checked eval "$run"
checked quantize "$run" "$folder/codes.h5" --method ulq --bits 2
echo "memcheck: no errors"
