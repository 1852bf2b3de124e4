#!/usr/bin/env bash
# Usage: ./runtests.sh [-f] [-u]     -f  style and types     -u  unit tests     neither: both
set -euo pipefail
cd "$(dirname "$0")"
bin=.venv/bin
style=false
unit=false
while getopts "fu" option; do
    case "$option" in
        f) style=true ;;
        u) unit=true ;;
        *) sed -n 2p "$0"; exit 2 ;;
    esac
done
if ! $style && ! $unit; then
    style=true
    unit=true
fi
if $style; then
    $bin/ruff check .
    $bin/ruff format --check .
    $bin/mypy
fi
if $unit; then
    make test
fi
