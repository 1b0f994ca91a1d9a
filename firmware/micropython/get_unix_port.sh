#!/bin/sh
# Usage: get_unix_port.sh DIR [SUITE]
# Puts a real unix MicroPython (sockets, TLS, cryptolib) into DIR where the system's own packages have none or an old
# one: Debian's package of SUITE (trixie), with the libraries it was built against, unpacked beside each other. Nothing
# of the system is changed, no privilege is needed; packages come from the mirror the system uses, checked by its keys.
# Afterwards DIR/micropython runs it. The last line printed says what was found; on failure it says why, and exits 1.
set -eu

fail() {
    echo "get_unix_port: $*" >&2
    exit 1
}

[ $# -ge 1 ] || fail "say where to put it: get_unix_port.sh DIR"
suite=${2:-trixie}
for tool in apt-get apt-cache dpkg dpkg-deb; do
    command -v "$tool" >/dev/null || fail "no $tool here, so this is no Debian; install MicroPython 1.25 or newer yourself (brew, pacman, dnf, or from source) and name it in COMATRIX_MICROPYTHON"
done
arch=$(dpkg --print-architecture)
case $arch in
    amd64 | arm64) ;;
    *) fail "packages are known to run for amd64 and arm64 only, this is $arch; build the unix port and name it in COMATRIX_MICROPYTHON" ;;
esac
key=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r "$key" ] || fail "the keys to check Debian's packages are missing: install debian-archive-keyring, then run this again"
mirror=$(sed -n 's/^URIs: *\([^ ]*\).*/\1/p; s/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\) .*/\2/p' \
    /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list /etc/apt/sources.list 2>/dev/null |
    grep '/debian/*$' | head -n 1)
[ -n "$mirror" ] || fail "no Debian mirror stands in /etc/apt; on Ubuntu 'apt-get install micropython' may do, else name one in COMATRIX_MICROPYTHON"

mkdir -p "$1" 2>/dev/null || fail "cannot make the folder $1"
dir=$(cd "$1" && pwd)
# Two may fetch at once: each works in a folder of its own, the finished one is moved into place.
work=$(mktemp -d "$dir/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/unix"
echo "deb [signed-by=$key] $mirror $suite main" >"$work/sources.list"

apt() {
    command=$1
    shift
    # As root apt would hand its downloads to a user who cannot write here.
    "$command" -qq -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::State::lists="$work/lists" -o Dir::Cache="$work/cache" -o APT::Sandbox::User=root "$@"
}

echo "get_unix_port: reading the package list of Debian $suite ..."
apt apt-get update >"$work/log" 2>&1 || fail "the mirror did not answer: $(tail -n 1 "$work/log")"
grep '^[EW]:' "$work/log" && fail "the package list cannot be used (above)"
# What it links against, as the package says: the names carry versions that change from suite to suite.
libraries=$(apt apt-cache depends --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances \
    --recurse micropython | sed -n 's/^ *Depends: \(lib[^ <>]*\)$/\1/p' | sort -u)
[ -n "$libraries" ] || fail "Debian $suite has no package micropython for $arch"
echo "get_unix_port: fetching micropython and" $libraries "..."
# shellcheck disable=SC2086  # one word a package
(cd "$work/cache/archives" && apt apt-get download micropython $libraries) >"$work/log" 2>&1 ||
    fail "fetching failed: $(tail -n 1 "$work/log")"
for package in "$work"/cache/archives/*.deb; do
    dpkg-deb -x "$package" "$work/unix"
done

cat >"$work/unix/micropython" <<'RUN'
#!/bin/sh
# Runs the MicroPython unpacked here on the loader and libraries unpacked here.
here=$(dirname "$(readlink -f "$0")")
for loader in "$here"/usr/lib/*/ld-linux-*.so.*; do
    exec "$loader" --library-path "${loader%/*}" "$here/usr/bin/micropython" "$@"
done
RUN
chmod +x "$work/unix/micropython"
"$work/unix/micropython" -c 'import cryptolib, socket, tls' 2>"$work/log" ||
    fail "the fetched MicroPython does not run here: $(tail -n 1 "$work/log")"

version=$("$work/unix/micropython" -c 'import sys; print("%d.%d.%d" % sys.implementation[1][:3])')
rm -rf "$work/unix/usr/share"
mv -T "$work/unix" "$dir/unix" 2>/dev/null || [ -x "$dir/unix/micropython" ] || fail "cannot move it into $dir"
ln -sfn unix/micropython "$dir/micropython"
echo "get_unix_port: MicroPython $version is at $dir/micropython"
