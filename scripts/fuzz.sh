#!/usr/bin/env bash
# Lets each fuzz target of tests/fuzz run for some seconds and prints what came of it:
#   scripts/fuzz.sh [SECONDS [TARGET...]]
# JOBS targets run side by side. Inputs that reach new code are kept in build-sanitize/fuzz/corpus, findings in
# build-sanitize/fuzz/found.
# SEED=1 takes the same way each time where the corpus is the same, or empty.
set -euo pipefail
cd "$(dirname "$0")/.."
export work=build-sanitize/fuzz

seconds=${1:-600}
targets=("${@:2}")
((${#targets[@]})) || targets=(config run_text overrides datum idx cifar run_file)

cmake --preset sanitize >/dev/null
cmake --build --preset fuzz
/usr/bin/python3 scripts/make_fuzz_corpus.py $work/seeds
rm -rf $work/found
mkdir -p $work/found $work/log

temporary=$(mktemp -d -p "$([[ -w /dev/shm ]] && echo /dev/shm || echo "${TMPDIR:-/tmp}")" qrun-fuzz.XXXXXX)
trap 'rm -rf "$temporary"' EXIT
export TMPDIR=$temporary
export LSAN_OPTIONS=suppressions=$PWD/tests/lsan.supp:print_suppressions=0
export UBSAN_OPTIONS=print_stacktrace=1

fuzz() {
  local target=$1 seconds=$2 corpus=$work/corpus/$1
  local options=(-max_total_time="$seconds" -timeout=120 -seed="${SEED:-0}" -rss_limit_mb=4096 -print_final_stats=1)
  mkdir -p "$corpus"
  [[ ! -f $work/seeds/$target.dict ]] || options+=(-dict="$work/seeds/$target.dict")
  build-sanitize/fuzz_"$target" "${options[@]}" -artifact_prefix="$work/found/$target-" \
    "$corpus" "$work/seeds/$target" >"$work/log/$target" 2>&1 || true
}
export -f fuzz
printf '%s\n' "${targets[@]}" | xargs -P "${JOBS:-$(nproc)}" -I{} bash -c "fuzz {} $seconds"

last() { grep -aoP "$2" "$work/log/$1" | tail -n 1 || echo 0; }
failed=0
printf '%-10s %10s %8s %9s %9s\n' target runs seconds coverage findings
for target in "${targets[@]}"; do
  runs=$(last "$target" 'executed_units: +\K\d+')
  findings=$(find $work/found -name "$target-*" -not -name '*slow-unit*' | wc -l)
  printf '%-10s %10s %8s %9s %9s\n' "$target" "$runs" "$(last "$target" 'Done \d+ runs in \K\d+')" \
    "$(last "$target" 'cov: \K\d+')" "$findings"
  ((runs > 0 && findings == 0)) || failed=1
done
if ((failed)); then
  {
    for finding in "$work"/found/*; do
      [[ ! -f $finding || $finding == *slow-unit* ]] || printf '\n%s\n%s\n' "$finding" "$(base64 "$finding" | head -n 100)"
    done
    grep -aE 'ERROR|SUMMARY|runtime error|does not hold|#[0-9]+ .* in qrun::' $work/log/* | cut -c 1-300 | head -n 200 || true
    echo "the inputs are in $work/found, the reports in $work/log"
  } >&2
  exit 1
fi
