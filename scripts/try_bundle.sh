#!/usr/bin/env bash
# Tries ./bundle (`make bundle`) on another Debian, in which there is nothing but the C library: its tests, and a training.
#   scripts/try_bundle.sh [SUITE]    as root; debootstrap makes the system (default: trixie) and it is removed at the end
set -euo pipefail
cd "$(dirname "$0")/.."

suite=${1:-trixie}
mirror=${QRUN_DEBIAN_MIRROR:-} # else debootstrap takes its own
if ! command -v debootstrap >/dev/null; then
  echo "debootstrap is missing: apt-get install debootstrap" >&2
  exit 77
fi
[[ -x bundle/bin/qrun ]] || { echo "bundle is missing: make bundle" >&2; exit 2; }

system=$(mktemp -d -t qrun-bundle.XXXXXX)
trap 'umount "$system/proc" 2>/dev/null || true; rm -rf --one-file-system "$system"' EXIT
debootstrap --variant=minbase "$suite" "$system" ${mirror:+"$mirror"} >"$system.log" || { tail -n 3 "$system.log" >&2; exit 1; }
rm -f "$system.log"
mount -t proc proc "$system/proc" # the loader asks it where a program lies
cp -r bundle "$system/root/bundle"

inside() { chroot "$system" sh -c "cd /root && $1"; }
inside 'ldd --version | head -n 1'
inside 'bundle/run.sh --version'
inside 'bundle/run.sh bundle/configs/smoke.yaml --no-progress'
inside 'bundle/run.sh --tests'
echo "the bundle runs on $suite"
