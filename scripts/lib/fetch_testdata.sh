#!/usr/bin/env bash
# Puts ONNX's backend test data into $TESTDATA: the node cases of the newest onnx (exported: its wheel holds
# no files) and those of older wheels, which show older opset forms; of 1.20.1 also whole models.
set -euxo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$TESTDATA"
work=$(mktemp -d "$MOBSTER_CACHE/testdata.XXXXXX")
trap 'rm -rf "$work"' EXIT

# Replaces $TESTDATA/$2 by the folder $1, so that a folder that is there is whole.
place() {
  rm -rf "${TESTDATA:?}/$2"
  mv "$1" "$TESTDATA/$2"
}

if [ ! -d "$TESTDATA/node-$ONNX_VERSION" ]; then
  "$VENV/bin/pip" install --quiet "onnx==$ONNX_VERSION" numpy
  "$VENV/bin/python" "$here/export_node_cases.py" "$work/node"
  place "$work/node" "node-$ONNX_VERSION"
fi

from_wheel() { # version folders...
  local v=$1 folder missing=no
  shift
  for folder in "$@"; do [ -d "$TESTDATA/$folder-$v" ] || missing=yes; done
  [ "$missing" = yes ] || return 0
  "$VENV/bin/pip" download --quiet --no-deps --only-binary=:all: --dest "$work" \
    --python-version 3.11 --implementation cp --abi cp311 --platform manylinux_2_17_x86_64 \
    --platform manylinux2014_x86_64 --platform manylinux_2_27_x86_64 --platform manylinux_2_28_x86_64 "onnx==$v"
  python3 -m zipfile -e "$work"/onnx-"$v"-*.whl "$work/wheel-$v"
  for folder in "$@"; do place "$work/wheel-$v/onnx/backend/test/data/$folder" "$folder-$v"; done
}
from_wheel 1.13.1 node
from_wheel 1.16.2 node
from_wheel 1.20.1 node light pytorch-converted pytorch-operator simple
touch "$TESTDATA/.done"
