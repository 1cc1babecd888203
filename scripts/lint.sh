#!/usr/bin/env bash
# Style checks; `lint.sh format` writes the format instead of checking it. Needs a finished build for clang-tidy.
set -euo pipefail
cd "$(dirname "$0")/.."

mapfile -t cpp_files < <(find src tests cuda -name '*.cpp' -o -name '*.h' -o -name '*.cu' -o -name '*.cuh' | sort)
mapfile -t shell_files < <(find scripts .ci -type f -exec grep -lE '^#!.*\bbash' {} + | sort)
mapfile -t python_files < <(find scripts tests -name '*.py' | sort)

if [[ ${1:-check} == format ]]; then
  exec clang-format -i "${cpp_files[@]}"
fi

clang-format --dry-run -Werror "${cpp_files[@]}"
shellcheck "${shell_files[@]}"
pyflakes3 "${python_files[@]}"
(cd scripts && mypy --no-error-summary qrun_results)
/usr/bin/python3 tests/project/include_rules.py
/usr/bin/python3 tests/project/kernel_names.py

# Sources only: clang-tidy reports on our headers as it meets them (HeaderFilterRegex).
find src cuda -name '*.cpp' -print0 | sort -z | xargs -0 -n 1 -P "$(nproc)" clang-tidy --quiet -p build \
  2> >(grep -v 'warnings\? generated' >&2)

echo "lint: ${#cpp_files[@]} C++ files, ${#shell_files[@]} shell scripts, ${#python_files[@]} Python files are clean"
