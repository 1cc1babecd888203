#!/usr/bin/env bash
# Puts CIFAR-10's binary batches into data/cifar10: from there, from $QRUN_DATA/cifar10, from a data folder beside the
# checkout (../shared/data/cifar10), or from a public mirror, whose archive is verified. In a folder the batches may be
# .gz, and hold fewer records; the import says so. Exit code 3: CIFAR-10 can't be had here.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=/dev/null
source scripts/data_sources.sh

target=data/cifar10
batches=(data_batch_{1..5}.bin test_batch.bin)
archive=cifar-10-binary.tar.gz
archive_md5=c32a1d4ab5d03f1284b67883e8d87530
mirrors=(https://www.cs.toronto.edu/~kriz https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10)

# holds_all FOLDER: each batch is there, plain or .gz.
holds_all() {
  local batch
  for batch in "${batches[@]}"; do
    [[ -f $1/$batch || -f $1/$batch.gz ]] || return 1
  done
}

# bring_batches FOLDER TO
bring_batches() {
  local batch
  for batch in "${batches[@]}"; do
    if [[ -f $1/$batch ]]; then cp "$1/$batch" "$2/"; else cp "$1/$batch.gz" "$2/"; fi
  done
}

# bring_archive MIRROR TO
bring_archive() {
  download "$1/$archive" "$2/$archive" || return 1
  [[ $(md5sum "$2/$archive" | cut -d ' ' -f 1) == "$archive_md5" ]] || {
    echo "$1/$archive is not the archive that it should be" >&2
    return 1
  }
  tar -xzf "$2/$archive" -C "$2" --strip-components=1 && rm "$2/$archive"
}

get_batches() {
  local source
  for source in ${QRUN_DATA:+"$QRUN_DATA/cifar10"} ../shared/data/cifar10; do
    holds_all "$source" || continue
    echo "CIFAR-10: from $source"
    bring_batches "$source" "$1"
    return
  done
  for source in "${mirrors[@]}"; do
    echo "CIFAR-10: from $source"
    bring_archive "$source" "$1" && return
  done
  not_to_be_had CIFAR-10 "$target" "its six batches, or what $archive holds,"
}

if ! holds_all "$target"; then
  mkdir -p "$target"
  incoming=$(mktemp -d "$target/incoming.XXXXXX")
  trap 'rm -rf "$incoming"' EXIT
  get_batches "$incoming"
  mv "$incoming"/*.bin* "$target/"
fi
echo "next: build/qrun data cifar10 --from $target --to $target"
