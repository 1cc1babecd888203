#!/usr/bin/env bash
# Makes ./bundle: programs, the libraries they need beyond the C library's own, configurations and test data.
# It runs on any x86-64 Linux with a C library as new as this one, from any folder: `bundle/bin/qrun --version`.
set -euo pipefail
cd "$(dirname "$0")/.."

limit_mib=48
rm -rf bundle
cmake --install build --component bundle --prefix bundle --strip >/dev/null

# cuDNN is the machine's own, too: of a gigabyte, and opened by libqrun_cudnn.so alone, which no program links.
# The C library and the loader belong to the machine; a mix of two versions of them doesn't start.
own_to_the_machine='^(ld-linux.*|lib(c|m|dl|rt|pthread|resolv|util|anl|nss_.*))\.so'
ldd bundle/bin/* | awk '$2 == "=>" && $3 ~ /^\// {print $3}' | sort -u | while read -r library; do
  [[ $library == "$PWD"/bundle/* || $(basename "$library") =~ $own_to_the_machine ]] || install -D -s -m 644 -t bundle/lib "$library"
done

mkdir bundle/tests
cp -r configs bundle/
cp -r tests/golden bundle/tests/
cp LICENSE bundle/
cat >bundle/run.sh <<'WRAPPER'
#!/bin/sh
# run.sh ARGUMENTS: qrun with them, in the folder it is called from. run.sh --tests: the test programs.
here=$(cd "$(dirname "$0")" && pwd)
[ "${1:-}" = --tests ] || exec "$here/bin/qrun" "$@"
status=0
for program in "$here"/bin/test_*; do
  (cd "$here" && "$program" --gtest_brief=1) || status=1
done
exit $status
WRAPPER
chmod +x bundle/run.sh

size_mib=$(du -sm bundle | cut -f 1)
echo "bundle: $size_mib MiB"
if ((size_mib > limit_mib)); then
  echo "bundle: over $limit_mib MiB; the largest files:" >&2
  find bundle -type f -printf '%s %p\n' | sort -rn | head -n 5 >&2
  exit 1
fi
