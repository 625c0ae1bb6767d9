"""What runs on the host for us: POSIX sh, coreutils, flock. Every value is an argument, never part of the text."""

from typing import Final

_DIRECTORY: Final = """
umask 022
case $1 in */*) dir=${1%/*} ;; *) dir=. ;; esac
dir=${dir:-/} part=$1.part
make_directory() { [ -d "$dir" ] || { mkdir -p -- "$dir" && chmod "$1" -- "$dir"; }; }
"""

STAT: Final = 'exec stat -L -c "%f %s %Y" -- "$1"'

READ: Final = 'exec cat -- "$1"'

# Arguments: directory. Names, each followed by a NUL.
LIST: Final = """
cd -- "$1" || exit
for name in * .[!.]* ..?*; do
  if [ -e "$name" ] || [ -L "$name" ]; then printf '%s\\0' "$name"; fi
done
"""

REMOVE: Final = """
[ -e "$1" ] && echo there
exec rm -rf -- "$1"
"""

# Arguments: path, mode, directory's mode, SHA-256. Standard input: the bytes. Says `changed` if it changed anything.
WRITE: Final = (
    _DIRECTORY
    + """
sum="$4  -"
if [ -f "$1" ] && [ "$(stat -L -c %a -- "$1")" = "$2" ] && [ "$(sha256sum <"$1")" = "$sum" ]; then exit; fi
make_directory "$3" || exit
rm -f -- "$part"
(umask 077; cat >"$part") && [ "$(sha256sum <"$part")" = "$sum" ] && chmod "$2" -- "$part" && sync -- "$part" &&
  mv -T -- "$part" "$1" && echo changed && exit
rm -f -- "$part"
exit 1
"""
)

# Arguments: path, size. Says `placed`, or how many bytes an earlier try has left.
PREPARE: Final = (
    _DIRECTORY
    + """
[ "$(stat -L -c '%s %Y %a' -- "$1" 2>/dev/null)" != "$2 0 444" ] || { echo placed; exit; }
make_directory 755 || exit
: >>"$part" || exit
exec 6<"$part"
flock --exclusive --timeout 60 6 || exit # what an earlier try has sent may still be on its way to the disk
stat -c %s -- "$part"
"""
)

# Arguments: path, size, SHA-256, offset. Standard input: the bytes from there on. What is hashed is what is written.
# Says `placed`; or `short SIZE`, for more to be sent; or `other SIZE SHA-256`, and the part is gone.
RECEIVE: Final = (
    _DIRECTORY
    + """
exec 6<"$part"
flock --exclusive --timeout 60 6 && truncate --size="$4" -- "$part" || exit
found=$({ head -c "$4" -- "$part"; tee --output-error=exit --append -- "$part"; } | sha256sum)
count=$(stat -c %s -- "$part")
if [ "$found" = "$3  -" ] && [ "$count" = "$2" ]; then
  sync -- "$part" && chmod 444 -- "$part" && touch --date=@0 -- "$part" && mv -T -- "$part" "$1" && echo placed
elif [ "$count" -lt "$2" ]; then
  echo "short $count"
else
  rm -f -- "$part"
  echo "other $count ${found%  -}"
fi
"""
)
