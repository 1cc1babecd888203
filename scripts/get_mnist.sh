#!/usr/bin/env bash
# Puts MNIST's four files into data/mnist: from there, from $QRUN_DATA/mnist, from a data folder beside the checkout
# (../shared/data/mnist), or from a public mirror. Whatever the source, the unpacked files are verified.
# Exit code 3: MNIST can't be had here.
set -euo pipefail
cd "$(dirname "$0")/.."

target=data/mnist
mirrors=(https://ossci-datasets.s3.amazonaws.com/mnist https://storage.googleapis.com/cvdf-datasets/mnist)
declare -A md5=(
  [train-images-idx3-ubyte]=6bbc9ace898e44ae57da46a324031adb
  [train-labels-idx1-ubyte]=a25bea736e30d166cdddb491f175f624
  [t10k-images-idx3-ubyte]=2646ac647ad5339dbf082846283269ea
  [t10k-labels-idx1-ubyte]=27ae3e4e09519cfbb04c329615203637
)

# intact FILE.gz NAME: true if it unpacks to what NAME must be.
intact() {
  [[ -f $1 ]] && [[ $(gzip -dc "$1" 2>/dev/null | md5sum | cut -d ' ' -f 1) == "${md5[$2]}" ]]
}

# complete FOLDER: all four files are there and intact.
complete() {
  local name
  for name in "${!md5[@]}"; do
    intact "$1/$name.gz" "$name" || return 1
  done
}

download() {
  if command -v curl >/dev/null; then
    curl --fail --silent --show-error --location --connect-timeout 10 --max-time 300 --output "$2" "$1"
  else
    wget --quiet --timeout=10 --tries=1 --output-document="$2" "$1"
  fi
}

complete "$target" && exit 0

mkdir -p "$target"
incoming=$(mktemp -d "$target/incoming.XXXXXX")
trap 'rm -rf "$incoming"' EXIT

for source in ${QRUN_DATA:+"$QRUN_DATA/mnist"} ../shared/data/mnist; do
  if complete "$source"; then
    echo "MNIST: from $source"
    for name in "${!md5[@]}"; do cp "$source/$name.gz" "$incoming/"; done
    break
  fi
done

if ! complete "$incoming"; then
  for mirror in "${mirrors[@]}"; do
    echo "MNIST: from $mirror"
    for name in "${!md5[@]}"; do
      intact "$incoming/$name.gz" "$name" || download "$mirror/$name.gz" "$incoming/$name.gz" || break
    done
    complete "$incoming" && break
  done
fi

if ! complete "$incoming"; then
  {
    echo "MNIST can't be had: it is not in $target, and no mirror could be reached."
    echo "Put its four .gz files into $target, or into \$QRUN_DATA/mnist, and call this again."
  } >&2
  exit 3
fi
mv "$incoming"/*.gz "$target/"
