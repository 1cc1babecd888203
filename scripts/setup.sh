#!/usr/bin/env bash
# Installs by apt what is missing to build, run and test qrun; `setup.sh lint` does so for the style checks,
# `setup.sh slurm` for the test that hands a sweep to a real Slurm, `setup.sh browser` for the one that opens a report,
# `setup.sh sanitize` for the builds under sanitizers and the fuzz targets, `setup.sh memcheck` for the run under
# valgrind.
# Says nothing and changes nothing where all is there.
set -euo pipefail

build=(
  g++ cmake ninja-build ccache pkg-config make
  libyaml-cpp-dev liblmdb-dev libhdf5-dev libcli11-dev libspdlog-dev libfmt-dev libgtest-dev libgmock-dev
  libhwy-dev protobuf-compiler libprotobuf-dev zlib1g-dev libjpeg62-turbo-dev libpng-dev libbenchmark-dev
  libxxhash-dev nlohmann-json3-dev
  python3 python3-h5py python3-numpy python3-pandas python3-xarray python3-h5netcdf python3-matplotlib
  python3-yaml python3-lmdb python3-pil python3-plotly python3-jinja2 python3-jsonschema python3-pytest hdf5-tools
  locales ca-certificates curl
)
lint=(clang-format clang-tidy shellcheck pyflakes3 mypy python3-typeshed)
slurm=(slurmctld slurmd slurm-client)
browser=(chromium)
sanitize=(clang libclang-rt-14-dev)
memcheck=(valgrind libc6-dbg)

case "${1:-build}" in
  build) wanted=("${build[@]}") ;;
  lint) wanted=("${lint[@]}") ;;
  slurm) wanted=("${slurm[@]}") ;;
  browser) wanted=("${browser[@]}") ;;
  sanitize) wanted=("${sanitize[@]}") ;;
  memcheck) wanted=("${memcheck[@]}") ;;
  *)
    echo "usage: scripts/setup.sh [build|lint|slurm|browser|sanitize|memcheck]" >&2
    exit 2
    ;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "scripts/setup.sh knows apt only (Debian 12 is the system it is tested on)." >&2
  echo "Install the counterparts of: ${wanted[*]}" >&2
  echo "and then say: make SETUP=: run" >&2
  exit 1
fi

declare -A installed=()
while read -r package status; do
  [[ $status == installed ]] && installed[$package]=1
done < <(dpkg-query --show --showformat='${Package} ${db:Status-Status}\n' "${wanted[@]}" 2>/dev/null || true)

missing=()
for package in "${wanted[@]}"; do
  [[ -n ${installed[$package]:-} ]] || missing+=("$package")
done
((${#missing[@]})) || exit 0

as_root=()
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    echo "These packages are missing, and there is neither root nor sudo to install them: ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

echo "installing: ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null
