#!/usr/bin/env bash
# Brings set-up and build up to date: ready.sh PRESET TARGET... Silent and quick (under a second) when there is
# nothing to do.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source scripts/lib/common.sh
preset=$1
shift
# Set-up is looked at again only when it changed.
stamp="$MOBSTER_CACHE/.setup-$(cat scripts/setup scripts/lib/*.sh | sha256sum | cut -c1-16)"
if [ ! -f "$stamp" ] || [ ! -f "$ORT_LIBRARIES/$NEWEST_ONNXRUNTIME/libonnxruntime.so" ]; then
  echo "mobster: set-up (once; about five minutes on two cores)"
  scripts/setup
  touch "$stamp"
fi
log="$LOGS/build-$preset.log"
if [ ! -f "build/$preset/build.ninja" ]; then
  echo "mobster: first build (about three minutes on two cores)"
  cmake --preset "$preset" >"$log" 2>&1 || { tail -n 20 "$log"; die "cmake failed: see $log"; }
fi
# Two builds at once would tread on each other.
exec 9>"build/$preset/.lock"
flock 9
ninja -C "build/$preset" "$@" >"$log" 2>&1 || { tail -n 40 "$log"; die "the build failed: see $log"; }
