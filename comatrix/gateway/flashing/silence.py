"""Why a board does not answer as MicroPython would, from what it said instead; in words, with what to type next."""

from shlex import quote

from comatrix.gateway.flashing.procedure import BoardError

IMAGES = "https://micropython.org/download/"


def words_of(heard: bytes, port: str) -> BoardError:
    """The ROM of an ESP32 speaks at the same port (Espressif, "Boot Mode Selection", "Boot Messages")."""
    if b"waiting for download" in heard or b"DOWNLOAD_BOOT" in heard:
        return BoardError(
            f"{port}: the board is in its boot loader. Press its reset button (EN or RST), without BOOT, or put "
            "MicroPython on it.",
            f"comatrix node flash {port} --image ESP32_GENERIC.bin",
        )
    if b"invalid header: 0x" in heard or b"flash read err" in heard or b"ets_main.c" in heard:
        return BoardError(
            f"{port}: there is no MicroPython on this ESP32, its flash is empty. Get an image from {IMAGES}",
            f"comatrix node flash {port} --image ESP32_GENERIC.bin",
        )
    if b"CircuitPython" in heard:
        return BoardError(f"{port}: the board runs CircuitPython, the node needs MicroPython.", f"xdg-open {IMAGES}")
    said = "Nothing answers" if not heard.strip() else "Something speaks, but no MicroPython"
    return BoardError(
        f"{port}: {said}. Is MicroPython on the board? Press its reset button and try again; a program that ignores "
        "Ctrl-C can be stopped that way too.",
        f"comatrix node console {port}",
    )


def uf2_words(drive: str | None, board: str, volume: str = "RPI-RP2", image: str = "RPI_PICO_W.uf2") -> BoardError:
    """What to do with a board that shows itself as a drive. `drive`: where it is mounted, or None."""
    place = drive or f"/media/$USER/{volume}"
    return BoardError(
        f"{board}: it waits for MicroPython. Get the .uf2 image of your board from {IMAGES} and drag it onto the "
        f"drive {place}; the board starts anew by itself.",
        f"cp {quote(image)} {quote(drive) if drive else place}/ && comatrix node flash",
    )
