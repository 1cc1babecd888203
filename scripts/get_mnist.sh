#!/usr/bin/env bash
# Puts MNIST's four files into data/mnist: from there, from $QRUN_DATA/mnist, from a data folder beside the checkout
# (../shared/data/mnist), or from a public mirror. Whatever the source, the unpacked files are verified.
# Exit code 3: MNIST can't be had here.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=/dev/null
source scripts/data_sources.sh

checksums="6bbc9ace898e44ae57da46a324031adb  train-images-idx3-ubyte
a25bea736e30d166cdddb491f175f624  train-labels-idx1-ubyte
2646ac647ad5339dbf082846283269ea  t10k-images-idx3-ubyte
27ae3e4e09519cfbb04c329615203637  t10k-labels-idx1-ubyte"

get_idx_set MNIST data/mnist "$checksums" \
  ${QRUN_DATA:+"$QRUN_DATA/mnist"} ../shared/data/mnist \
  https://ossci-datasets.s3.amazonaws.com/mnist https://storage.googleapis.com/cvdf-datasets/mnist
