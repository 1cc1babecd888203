#!/usr/bin/env bash
# The first run: 2-bit LeNet on MNIST, 20 epochs, and a plot of it. Without MNIST, the same network on built-in digits.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-/usr/bin/python3}

config=configs/lenet_2bit.yaml
if [[ ! -d data/mnist/train_lmdb || ! -d data/mnist/test_lmdb ]]; then
  status=0
  scripts/get_mnist.sh || status=$?
  case $status in
    0) build/qrun data mnist --from data/mnist --to data/mnist ;;
    3)
      config=configs/lenet_2bit_synthetic.yaml
      echo "MNIST cannot be had here: training on the built-in synthetic digits instead ($config)." >&2
      ;;
    *) exit "$status" ;;
  esac
fi

name=$(basename "$config" .yaml)
build/qrun "$config"
result=$(find "results/$name" -maxdepth 1 -name 'run-*.h5' -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d ' ' -f 2-)
PYTHONPATH=scripts "$python" -m qrun_results plot curves "$result" -o "results/$name.png" >/dev/null
echo "result: $result"
echo "plot:   results/$name.png"
