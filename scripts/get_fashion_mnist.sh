#!/usr/bin/env bash
# Puts Fashion-MNIST's four files into data/fashion_mnist: from there, from $QRUN_DATA/fashion_mnist, from a data folder
# beside the checkout (../shared/data/fashion_mnist), from Debian's package dataset-fashion-mnist, installed or not, or
# from a public mirror. Whatever the source, the unpacked files are verified. Exit code 3: it can't be had here.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=/dev/null
source scripts/data_sources.sh

checksums="f4a8712d7a061bf5bd6d2ca38dc4d50a  train-images-idx3-ubyte
9018921c3c673c538a1fc5bad174d6f9  train-labels-idx1-ubyte
8181f5470baa50b63fa0f6fddb340f0a  t10k-images-idx3-ubyte
15d484375f8d13e6eb1aabb0c3f46965  t10k-labels-idx1-ubyte"

packaged=usr/share/datasets/fashion-mnist
get_idx_set Fashion-MNIST data/fashion_mnist "$checksums" \
  ${QRUN_DATA:+"$QRUN_DATA/fashion_mnist"} ../shared/data/fashion_mnist \
  "/$packaged" "deb:dataset-fashion-mnist/$packaged" \
  http://fashion-mnist.s3-website.eu-central-1.amazonaws.com \
  https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion
echo "next: build/qrun data mnist --from data/fashion_mnist --to data/fashion_mnist"
