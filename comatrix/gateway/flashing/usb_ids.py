"""What USB ids say of a board: vendor and product, each with the list it is from."""

from dataclasses import dataclass

SERIAL, BOOTLOADER = "serial", "bootloader"


@dataclass(frozen=True, slots=True)
class UsbId:
    """`source`: repository and path. `kind`: a port to speak to, or a drive that waits for an image (UF2), with the
    `volume` it calls itself and the `image` it takes. `chip`: where the id tells."""

    vendor: int
    product: int
    name: str
    source: str
    chip: str = ""
    kind: str = SERIAL
    volume: str = ""
    image: str = ""


_PI = "raspberrypi/usb-pid Readme.md"
_ESP32 = "espressif/esptool esptool/loader.py (USB_JTAG_SERIAL_PID)"
_TINYUSB = "micropython/micropython ports/esp32/mpconfigport.h (USB_TUSB_PID)"
_S2_ROM = "espressif/esp-idf examples/system/console/advanced_usb_cdc/README.md"
_USB_IDS = "usbids/usbids usb.ids"
_WCH = "WCHSoftGroup/ch343ser_linux udev/99-ch34x.rules"
_STM32 = "micropython/micropython ports/stm32/mpconfigboard_common.h"
_DAPLINK = "pyocd/pyOCD udev/50-cmsis-dap.rules"
_PICO_W, _PICO_2_W = "RPI_PICO_W.uf2", "RPI_PICO2_W.uf2"

TABLE = (
    UsbId(0x2E8A, 0x0005, "Raspberry Pi Pico or another RP2 board with MicroPython", _PI, "rp2"),
    UsbId(0x2E8A, 0x0003, "RP2040 in its boot loader (BOOTSEL)", _PI, "rp2", BOOTLOADER, "RPI-RP2", _PICO_W),
    UsbId(0x2E8A, 0x000F, "RP2350 in its boot loader (BOOTSEL)", _PI, "rp2", BOOTLOADER, "RP2350", _PICO_2_W),
    UsbId(0x303A, 0x1001, "ESP32-S3, C3 or C6 at its own USB (serial and JTAG)", _ESP32, "esp32"),
    UsbId(0x303A, 0x4001, "ESP32-S2 or S3 with MicroPython at its own USB", _TINYUSB, "esp32"),
    UsbId(0x303A, 0x0002, "ESP32-S2 in its boot loader: it waits for an image (--image)", _S2_ROM, "esp32"),
    UsbId(0x10C4, 0xEA60, "CP210x USB bridge: most ESP32 boards, Heltec LoRa 32", _USB_IDS),
    UsbId(0x1A86, 0x7523, "CH340 USB bridge: many ESP32 boards", _USB_IDS),
    UsbId(0x1A86, 0x7522, "CH340 USB bridge: many ESP32 boards", _USB_IDS),
    UsbId(0x1A86, 0x55D4, "CH9102 USB bridge: T-Beam, other ESP32 boards", _WCH),
    UsbId(0x1A86, 0x55D3, "CH343 USB bridge: ESP32-S3 boards", _WCH),
    UsbId(0x0403, 0x6001, "FT232 USB bridge", _USB_IDS),
    UsbId(0x0403, 0x6015, "FT231X USB bridge", _USB_IDS),
    UsbId(0x067B, 0x2303, "PL2303 USB bridge", _USB_IDS),
    UsbId(0xF055, 0x9800, "pyboard with MicroPython", _STM32, "stm32"),
    UsbId(0x0D28, 0x0204, "micro:bit or another board with DAPLink", _DAPLINK),
)


def known(vendor: int | None, product: int | None) -> UsbId | None:
    """The row of the table, or None."""
    return next((row for row in TABLE if (row.vendor, row.product) == (vendor, product)), None)
