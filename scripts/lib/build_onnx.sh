#!/usr/bin/env bash
# Builds the onnx C++ library from its source distribution into $ONNX_PREFIX, against the system's protobuf.
set -euxo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
work=$(mktemp -d "$MOBSTER_CACHE/onnx-build.XXXXXX")
trap 'rm -rf "$work"' EXIT
# "onnx" only: ":all:" would also build cmake from source, which takes hours.
"$VENV/bin/pip" download --quiet --no-deps --no-binary onnx "onnx==$ONNX_VERSION" --no-build-isolation --dest "$work" ||
  "$VENV/bin/pip" download --quiet --no-deps --no-binary onnx "onnx==$ONNX_VERSION" --dest "$work"
tar -C "$work" -xzf "$work"/onnx-*.tar.gz
src=$(echo "$work"/onnx-*/)
# onnx asks for cmake 3.26 but uses nothing that bookworm's 3.25 lacks.
sed -i -E 's/^( *cmake_minimum_required\(VERSION )3\.2[6-9]/\13.25/' "$src/CMakeLists.txt"
launcher=()
command -v ccache >/dev/null && launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
# Not the hot path: low optimisation halves the time of the build.
cmake -S "$src" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=None -DCMAKE_CXX_FLAGS="-O1 -fPIC" "${launcher[@]}" \
  -DCMAKE_INSTALL_PREFIX="$ONNX_PREFIX" -DONNX_USE_PROTOBUF_SHARED_LIBS=ON -DBUILD_SHARED_LIBS=OFF -DONNX_ML=ON \
  -DONNX_BUILD_PYTHON=OFF -DONNX_BUILD_TESTS=OFF -DONNX_USE_LITE_PROTO=OFF -DONNX_WERROR=OFF
ninja -C "$work/build"
rm -rf "$ONNX_PREFIX"
cmake --install "$work/build"
touch "$ONNX_PREFIX/.done"
