"""What USB ids say of a board: vendor and product, from what the makers list.

Sources: linux-usb.org/usb.ids (chips); github.com/raspberrypi/usb-pid (2e8a); github.com/espressif/usb-pids and the
ESP32-S2/S3/C3 datasheets (303a); MicroPython's ports/*/boards (MICROPY_HW_USB_VID, MICROPY_HW_USB_PID); DAPLink (0d28).
"""

from dataclasses import dataclass

SERIAL, BOOTLOADER = "serial", "bootloader"


@dataclass(frozen=True, slots=True)
class UsbId:
    """`kind`: a port to speak to, or a boot loader that waits for an image. `chip`: where the id tells."""

    vendor: int
    product: int
    name: str
    chip: str = ""
    kind: str = SERIAL


TABLE = (
    UsbId(0x2E8A, 0x0005, "Raspberry Pi Pico or another RP2 board with MicroPython", "rp2"),
    UsbId(0x2E8A, 0x0003, "RP2040 in its boot loader (BOOTSEL)", "rp2", BOOTLOADER),
    UsbId(0x2E8A, 0x000F, "RP2350 in its boot loader (BOOTSEL)", "rp2", BOOTLOADER),
    UsbId(0x303A, 0x1001, "ESP32-S3, C3 or C6 at its own USB (serial and JTAG)", "esp32"),
    UsbId(0x303A, 0x4001, "ESP32-S2 or S3 with MicroPython at its own USB", "esp32"),
    UsbId(0x303A, 0x0002, "ESP32-S2 in its boot loader", "esp32", BOOTLOADER),
    UsbId(0x10C4, 0xEA60, "CP210x USB bridge: most ESP32 boards, Heltec LoRa 32"),
    UsbId(0x1A86, 0x7523, "CH340 USB bridge: many ESP32 boards"),
    UsbId(0x1A86, 0x55D4, "CH9102 USB bridge: T-Beam, other ESP32 boards"),
    UsbId(0x1A86, 0x55D3, "CH343 USB bridge: ESP32-S3 boards"),
    UsbId(0x0403, 0x6001, "FT232 USB bridge"),
    UsbId(0x0403, 0x6015, "FT231X USB bridge"),
    UsbId(0xF055, 0x9800, "pyboard with MicroPython", "stm32"),
    UsbId(0x0D28, 0x0204, "micro:bit or another board with DAPLink"),
)


def known(vendor: int | None, product: int | None) -> UsbId | None:
    """The row of the table, or None."""
    return next((row for row in TABLE if (row.vendor, row.product) == (vendor, product)), None)
