# Shared by the scripts: where things are kept, and which versions. Sourced, never run.

# Everything that is downloaded or built once lies here, outside the tree.
export MOBSTER_CACHE="${MOBSTER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mobster}"
export ONNX_VERSION=1.23.2
export NEWEST_ONNXRUNTIME=1.31.1
# The versions that tests on known bugs ask for: for each bug the newest bad one and a good one.
TEST_ONNXRUNTIMES=(1.16.3 1.17.3 1.19.2 1.20.1 1.23.2 1.24.4 1.25.1 1.26.0 1.27.0 1.28.0 1.30.0)

export VENV="$MOBSTER_CACHE/venv"
export ONNX_PREFIX="$MOBSTER_CACHE/onnx-$ONNX_VERSION"
export ORT_HEADER="$MOBSTER_CACHE/onnxruntime-header"
export ORT_LIBRARIES="$MOBSTER_CACHE/onnxruntime"
export TESTDATA="$MOBSTER_CACHE/testdata"
export PLAYWRIGHT_VERSION=1.65.1
export PLAYWRIGHT="$MOBSTER_CACHE/playwright-core-$PLAYWRIGHT_VERSION"
export LOGS="$MOBSTER_CACHE/logs"
mkdir -p "$LOGS" 2>/dev/null || { echo "mobster: cannot write to $MOBSTER_CACHE: set MOBSTER_CACHE to a folder that you own" >&2; exit 2; }

die() { printf 'mobster set-up: %s\n' "$*" >&2; exit 2; }
