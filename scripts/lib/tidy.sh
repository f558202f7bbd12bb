#!/usr/bin/env bash
# clang-tidy on the sources that the last five commits changed (MOBSTER_TIDY_BASE names another base), at most 12 files.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
base=$(git rev-parse --verify -q "${MOBSTER_TIDY_BASE:-HEAD~5}" || git hash-object -t tree /dev/null)
mapfile -t files < <(git diff --name-only --diff-filter=d "$base" HEAD -- '*.cc' | grep -v '^tests/' | head -n 12)
[ ${#files[@]} -gt 0 ] || { echo "no source changed"; exit 0; }
printf '%s\n' "${files[@]}" | xargs -P 2 -n 1 clang-tidy-14 --quiet -p build/release 2> >(grep -v 'warnings generated' >&2 || true)
