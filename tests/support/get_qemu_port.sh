#!/bin/sh
# Usage: get_qemu_port.sh DIR
# Builds MicroPython for an emulated Cortex-M3 (qemu-system-arm -M mps2-an385) into DIR/firmware.elf, from Debian's
# source package `micropython` of trixie (1.25), once more with `cryptolib` into DIR/firmware-aes.elf, on AES of Debian's
# source package `mbedtls` as on an ESP32 or RP2, and puts the micro:bit's MicroPython 1.9.2 (Debian's package
# firmware-microbit-micropython) into DIR/microbit.hex. Nothing of the system is changed, no privilege is needed;
# packages come from the mirror the system uses, checked by its keys. On failure it says why, and exits 1.
set -eu

fail() {
    echo "get_qemu_port: $*" >&2
    exit 1
}

[ $# -ge 1 ] || fail "say where to put it: get_qemu_port.sh DIR"
for tool in apt-get dpkg-deb make python3 arm-none-eabi-gcc qemu-system-arm tar xz bzip2; do
    command -v "$tool" >/dev/null || fail "no $tool here: apt-get install -y make xz-utils bzip2 python3 qemu-system-arm gcc-arm-none-eabi libnewlib-arm-none-eabi"
done
key=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r "$key" ] || fail "the keys to check Debian's packages are missing: apt-get install -y debian-archive-keyring"
mirror=$(sed -n 's/^URIs: *\([^ ]*\).*/\1/p; s/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\) .*/\2/p' \
    /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list /etc/apt/sources.list 2>/dev/null |
    grep '/debian/*$' | head -n 1)
[ -n "$mirror" ] || fail "no Debian mirror stands in /etc/apt"

mkdir -p "$1" 2>/dev/null || fail "cannot make the folder $1"
dir=$(cd "$1" && pwd)
work=$(mktemp -d "$dir/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/source" "$work/mbedtls" "$work/modules/aes"
# trixie has no micro:bit firmware any more.
printf '%s [signed-by=%s] %s %s main\n' deb "$key" "$mirror" bookworm deb-src "$key" "$mirror" trixie >"$work/sources.list"

apt() {
    # As root apt would hand its downloads to a user who cannot write here.
    apt-get -qq -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::State::lists="$work/lists" -o Dir::Cache="$work/cache" -o APT::Sandbox::User=root "$@"
}

echo "get_qemu_port: reading the package lists of Debian ..."
apt update >"$work/log" 2>&1 || fail "the mirror did not answer: $(tail -n 1 "$work/log")"
echo "get_qemu_port: fetching the sources of micropython and mbedtls, and firmware-microbit-micropython ..."
(cd "$work" && apt source --download-only micropython mbedtls && apt download firmware-microbit-micropython) >"$work/log" 2>&1 ||
    fail "fetching failed: $(tail -n 1 "$work/log")"
dpkg-deb -x "$work"/firmware-microbit-micropython_*.deb "$work/microbit"
tar -xf "$work"/micropython_*.orig.tar.xz -C "$work/source" --strip-components 1
tar -xf "$work"/mbedtls_*.orig.tar.bz2 -C "$work/mbedtls" --strip-components 1
# The library is in no Debian package; the build only asks whether it is there.
mkdir -p "$work/source/lib/micropython-lib"
: >"$work/source/lib/micropython-lib/README.md"

# Debian's source of micropython comes without the TLS libraries: of mbedTLS what `cryptolib` and `hashlib` call.
for name in aes sha256 platform_util constant_time; do cp "$work/mbedtls/library/$name.c" "$work/modules/aes/"; done
cat >"$work/modules/aes/aes_config.h" <<'END'
#define MBEDTLS_AES_C
#define MBEDTLS_AES_ROM_TABLES
#define MBEDTLS_CIPHER_MODE_CBC
#define MBEDTLS_SHA256_C
#define MBEDTLS_VERSION_C
END
cat >"$work/modules/aes/micropython.mk" <<'END'
AES_DIR := $(USERMOD_DIR)
SRC_USERMOD_LIB_C += $(addprefix $(AES_DIR)/, aes.c sha256.c platform_util.c constant_time.c)
CFLAGS_USERMOD += -DMICROPY_SSL_MBEDTLS=1 -DMICROPY_PY_CRYPTOLIB=1 -DMBEDTLS_CONFIG_FILE='"aes_config.h"'
CFLAGS_USERMOD += -I$(AES_DIR) -I$(MBEDTLS)/include -I$(MBEDTLS)/library
END

# Its heap is the RAM of an RP2040: this board has no flash for files.
echo "get_qemu_port: compiling twice (a minute and a half) ..."
(
    cd "$work/source"
    make -C mpy-cross -j2 && make -C ports/qemu BOARD=MPS2_AN385 FROZEN_MANIFEST= -j2 &&
        make -C ports/qemu BOARD=MPS2_AN385 FROZEN_MANIFEST= BUILD=build-aes \
            MICROPY_HEAP_SIZE=262144 USER_C_MODULES="$work/modules" MBEDTLS="$work/mbedtls" -j2
) >"$work/log" 2>&1 || {
    tail -n 20 "$work/log" >&2
    fail "it does not compile (above)"
}
cp "$(find "$work/microbit" -name '*.hex' | head -n 1)" "$work/microbit.hex"
mv "$work/microbit.hex" "$dir/microbit.hex"
mv "$work/source/ports/qemu/build-aes/firmware.elf" "$dir/firmware-aes.elf"
mv "$work/source/ports/qemu/build-MPS2_AN385/firmware.elf" "$dir/firmware.elf"
echo "get_qemu_port: $dir/firmware.elf, firmware-aes.elf and $dir/microbit.hex are there"
