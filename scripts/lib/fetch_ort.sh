#!/usr/bin/env bash
# Puts the native library of one ONNX Runtime version into $ORT_LIBRARIES/VERSION/libonnxruntime.so.
# PyPI wheels hold it from 1.19.2 on, npm's onnxruntime-node before that (except 1.18.1).
set -euxo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
v=$1
mkdir -p "$ORT_LIBRARIES"
work=$(mktemp -d "$MOBSTER_CACHE/ort.XXXXXX")
trap 'rm -rf "$work"' EXIT

from_wheel() {
  "$VENV/bin/pip" download --quiet --no-deps --only-binary=:all: --dest "$work" \
    --python-version 3.11 --implementation cp --abi cp311 --platform manylinux_2_28_x86_64 \
    --platform manylinux_2_27_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 \
    "onnxruntime==$v" || return 1
  python3 -m zipfile -e "$work"/onnxruntime-*.whl "$work/wheel" || return 1
  find "$work/wheel" -name 'libonnxruntime.so*' | head -n 1 | grep .
}
from_npm() {
  command -v npm >/dev/null || return 1
  (cd "$work" && npm pack --silent "onnxruntime-node@$v" && tar -xzf onnxruntime-node-*.tgz) >&2 || return 1
  find "$work/package/bin" -path '*linux/x64*' -name 'libonnxruntime.so*' -size +1M | head -n 1 | grep .
}
library=$(from_wheel) || library=$(from_npm)
mkdir -p "$work/done"
cp -L "$library" "$work/done/libonnxruntime.so"
rm -rf "${ORT_LIBRARIES:?}/$v"
mv "$work/done" "$ORT_LIBRARIES/$v"
