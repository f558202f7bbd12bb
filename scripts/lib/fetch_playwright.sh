#!/usr/bin/env bash
# Puts npm's playwright-core, which drives the system's Chromium in tests, into $PLAYWRIGHT.
set -euxo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
work=$(mktemp -d "$MOBSTER_CACHE/playwright.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
npm pack --silent "playwright-core@$PLAYWRIGHT_VERSION"
tar -xzf playwright-core-*.tgz
rm -rf "$PLAYWRIGHT"
mv package "$PLAYWRIGHT"
