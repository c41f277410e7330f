#!/bin/sh
# Runs a Windows program under wine:   native/packaging/wine.sh PROGRAM [ARGUMENTS]
# Its Windows is made in out/wine the first time, which takes part of a minute; WINEPREFIX names another folder.
set -eu
folder=$(cd "$(dirname "$0")/../.." && pwd)/out
for wine in wine64 /usr/lib/wine/wine64; do
  command -v "$wine" > /dev/null && break
done
command -v "$wine" > /dev/null || {
  echo "wine.sh: there is no wine64 (Debian's wine64)" >&2
  exit 127
}
export WINEPREFIX="${WINEPREFIX:-$folder/wine}" WINEDEBUG="${WINEDEBUG:--all}"
# .NET's second mapping of compiled code ends the process when a finalizer of it runs under wine 8.
export DOTNET_EnableWriteXorExecute=0
if [ ! -e "$WINEPREFIX/hadal" ]; then
  mkdir -p "$WINEPREFIX"
  (
    flock 9
    [ -e "$WINEPREFIX/hadal" ] && exit
    # Without menus and what wine would download. .NET itself loads mscoree.
    WINEDLLOVERRIDES='winemenubuilder.exe=;mscoree=;mshtml=' "$wine" wineboot --init
    # .NET wants Windows 10; this wine would say 7.
    "$wine" reg add 'HKCU\Software\Wine' /v Version /d win10 /f
    touch "$WINEPREFIX/hadal"
  ) 9> "$WINEPREFIX/lock" > /dev/null 2>&1
fi
exec "$wine" "$@"
