#!/usr/bin/env bash
# onnxruntime_c_api.h stands in no package of bookworm, PyPI or npm: it is taken out of Debian trixie's
# libonnxruntime-dev, by a private source list, so that the system itself never sees that suite.
set -euxo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
work=$(mktemp -d "$MOBSTER_CACHE/ort-header.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{parts,lists/partial,cache/archives/partial}
chmod 755 "$work"
shopt -s nullglob
for f in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
  grep -q bookworm "$f" 2>/dev/null || continue
  case "$f" in
    *.sources) # deb822: only the first stanza that is not the security suite
      awk 'BEGIN { RS = ""; ORS = "\n\n" } /bookworm/ && !/security/ && /debian\.org|\/debian\/?\n/' "$f" |
        sed -E '/^#/d; s/^Suites:.*/Suites: trixie/; s/^Components:.*/Components: main/' >"$work/parts/$(basename "$f")" ;;
    *) grep -E '^deb .*bookworm( |$)' "$f" | grep -vE 'security|updates' | grep -E '/debian/? ' |
        sed -E 's/bookworm.*/trixie main/' >"$work/parts/$(basename "$f").list" || true ;;
  esac
done
apt=(apt-get -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$work/parts" -o Dir::State::lists="$work/lists"
  -o Dir::Cache="$work/cache" -o APT::Sandbox::User= -o Debug::NoLocking=1)
"${apt[@]}" update
(cd "$work" && "${apt[@]}" download libonnxruntime-dev)
dpkg -x "$work"/libonnxruntime-dev_*.deb "$work/root"
mkdir -p "$ORT_HEADER.new"
cp "$(find "$work/root" -name onnxruntime_c_api.h | head -n 1)" "$ORT_HEADER.new/"
rm -rf "$ORT_HEADER"
mv "$ORT_HEADER.new" "$ORT_HEADER"
