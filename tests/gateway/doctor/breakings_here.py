"""What can break on the gateway's own machine."""

import socket
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path
from shutil import copy
from tempfile import TemporaryDirectory
from typing import Any

from comatrix import __version__
from comatrix.gateway.config.paths import find_paths
from comatrix.gateway.edges.store.lock import OwnerLock
from comatrix.gateway.edges.store.migrations import schemas
from tests.gateway.doctor import sockets
from tests.gateway.doctor.breakings import breaking
from tests.gateway.doctor.patient import Patient, now_ms

RESTART = "systemctl --user restart comatrix"
WITHOUT_DATABASE = ("nodes.none", "rooms.none")
MIB = 1 << 20

# Configuration and secrets


@breaking("configuration.missing", "comatrix init")
def no_configuration(patient: Patient) -> None:
    patient.paths.config.unlink()


@breaking("configuration.problem", "correct that, then: comatrix config check")
def misspelt_setting(patient: Patient) -> None:
    patient.configure(more="[gateway]\ntimezon = 'UTC'\n")


@breaking("configuration.unreadable", "ls -ld {home}/comatrix.toml")
def folder_for_a_file(patient: Patient) -> None:
    patient.paths.config.unlink()
    patient.paths.config.mkdir()


@breaking("secrets.missing", "comatrix init --force")
def no_secrets(patient: Patient) -> None:
    patient.paths.secrets.unlink()


@breaking("secrets.serviceless", "comatrix appservice")
def no_service_tokens(patient: Patient) -> None:
    patient.configure(more="[appservice]\nenabled = true\n")


@breaking("secrets.open", "chmod 600 {home}/secrets.toml")
def readable_secrets(patient: Patient) -> None:
    patient.paths.secrets.chmod(0o644)


@breaking("secrets.unusable", "comatrix init --force")
def half_written_secrets(patient: Patient) -> None:
    patient.paths.secrets.write_text('user_id = "@cx:local')


@breaking("secrets.user", "comatrix init --force", also=("token.user",))
def secrets_of_another(patient: Patient) -> None:
    patient.keep(user_id="@other:localhost")


# The process


@breaking("gateway.stopped", "comatrix gateway run")
def nobody_runs(patient: Patient) -> None:
    patient.start()
    patient.close()


@breaking("gateway.hung", "ps -fp {pid}")
def owner_without_a_socket(patient: Patient) -> dict[str, Any]:
    return {"kept": OwnerLock(patient.paths.database)}


@breaking("gateway.silent", RESTART)
def socket_that_hangs_up(patient: Patient) -> None:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(patient.paths.socket))
    listener.listen()

    def serve() -> None:
        while True:
            listener.accept()[0].close()

    threading.Thread(target=serve, daemon=True).start()


@breaking("gateway.forbidden", "ls -l {home}/control.sock")
def socket_of_another_user(patient: Patient) -> dict[str, Any]:
    sockets.control(patient.paths.socket, {})
    patient.paths.socket.chmod(0)
    return {"only": "gateway", "unprivileged": True}


@breaking("gateway.version", RESTART, also=("ports.unheard", "ports.address", "disk.ballast"))
def older_gateway(patient: Patient) -> None:
    sockets.control(patient.paths.socket, {"version": "0.0.1", "live": {"listening": []}})


@breaking("gateway.trouble", "comatrix status")
def trouble_of_the_gateway(patient: Patient) -> None:
    patient.receive()
    patient.server(lambda server: server.fail("error", path="/send/", status=403, errcode="M_USER_LOCKED", times=99))
    patient.start().until(lambda live: bool(live["troubles"]))


# Ports


@breaking("ports.taken", "ss -ulpn 'sport = :{port}'", also=("ports.loopback",))
def port_of_another(patient: Patient) -> dict[str, Any]:
    sock, port = sockets.deaf()
    patient.configure(bind=f"127.0.0.1:{port}")
    return {"kept": sock, "port": port}


@breaking("ports.forbidden", "in [udp] bind take a port above 1023, then: comatrix config check")
def privileged_port(patient: Patient) -> dict[str, Any]:
    patient.configure(bind="[::]:683")
    kept = TemporaryDirectory()  # pytest's own is for nobody else
    folder = Path(kept.name)
    folder.chmod(0o755)
    copy(patient.paths.config, folder)
    return {"only": "ports", "unprivileged": True, "kept": kept, "paths": find_paths(str(folder), {}, folder)}


@breaking("ports.nowhere", "ip address")
def address_of_elsewhere(patient: Patient) -> None:
    patient.configure(bind="192.0.2.1:5683")


@breaking("ports.unheard", RESTART)
def bind_changed_since_the_start(patient: Patient) -> None:
    patient.start()
    patient.configure(bind="0.0.0.0:5683")


@breaking("ports.silent", "sudo nft list ruleset", also=("ports.loopback", "disk.ballast"))
def socket_nobody_reads(patient: Patient) -> dict[str, Any]:
    sock, port = sockets.deaf()
    patient.configure(bind=f"127.0.0.1:{port}")
    status = {"version": __version__, "live": {"listening": [f"127.0.0.1:{port}"]}}
    sockets.control(patient.paths.socket, status)
    return {"kept": sock}


@breaking("radios.lost", "comatrix radio probe /dev/no-radio")
def radio_that_is_not_there(patient: Patient) -> None:
    patient.configure(more='[radios.roof]\nport = "/dev/no-radio"\n')


@breaking("radios.none", "set [radios.NAME] port, then: comatrix config check")
def radio_taken_out_of_the_configuration(patient: Patient) -> None:
    patient.write(lambda connection: connection.execute("UPDATE node SET link = 'l'"))


@breaking("ports.loopback", 'set [udp] bind = ["[::]:5683"], then: comatrix config check')
def bound_to_loopback(patient: Patient) -> None:
    patient.configure(bind="127.0.0.1:0")


@breaking("ports.address", "set [gateway] address, then: comatrix config check")
def told_an_old_address(patient: Patient) -> None:
    patient.configure(more='[gateway]\naddress = "127.0.0.1:1"\n')
    patient.start()


@breaking("ports.addressless", "set [gateway] address, then: comatrix config check")
def no_network(patient: Patient) -> dict[str, Any]:
    return {"local_address": lambda: ""}


# Clock


@breaking("clock.unset", "timedatectl set-ntp true", also=("clock.far",))
def clock_after_a_power_cut(patient: Patient) -> dict[str, Any]:
    return {"wall_ms": lambda: 1_000_000_000_000}


@breaking("clock.off", "timedatectl set-ntp true")
def clock_two_minutes_slow(patient: Patient) -> dict[str, Any]:
    return {"wall_ms": lambda: now_ms() - 120_000}


@breaking("clock.far", "timedatectl set-ntp true")
def clock_twenty_minutes_fast(patient: Patient) -> dict[str, Any]:
    return {"wall_ms": lambda: now_ms() + 1_200_000}


@breaking("clock.timezone", 'set [gateway] timezone = "Europe/Berlin", then: comatrix config check')
def machine_elsewhere(patient: Patient) -> dict[str, Any]:
    return {"localtime": Path("/usr/share/zoneinfo/Europe/Berlin")}


# Disk and database


@breaking("disk.low", "df -h {home}")
def disk_nearly_full(patient: Patient) -> dict[str, Any]:
    return {"free_bytes": lambda folder: 300 * MIB}


@breaking("disk.full", "df -h {home}")
def disk_full(patient: Patient) -> dict[str, Any]:
    return {"free_bytes": lambda folder: 10 * MIB}


@breaking("disk.readonly", "findmnt -T {home}/comatrix.toml", also=WITHOUT_DATABASE)
def folder_that_takes_nothing(patient: Patient) -> dict[str, Any]:
    return {"paths": replace(patient.paths, state=patient.paths.config)}


@breaking("disk.ballast", "df -h {home}")
def ballast_thrown(patient: Patient) -> None:
    patient.start()
    (patient.paths.state / "comatrix.db.ballast").unlink()


def _fill(patient: Patient, mib: int) -> None:
    patient.configure(more='[store]\nmax_size = "16MiB"\n')
    patient.receive(count=mib * 1024, body=bytes(980))


@breaking("size.filling", "comatrix queue")
def mostly_full_of_what_waits(patient: Patient) -> None:
    _fill(patient, 13)


@breaking("size.full", "comatrix queue")
def full_of_what_waits(patient: Patient) -> None:
    _fill(patient, 15)


@breaking("database.open", "chmod 600 {home}/comatrix.db")
def readable_database(patient: Patient) -> None:
    patient.paths.database.chmod(0o644)


@breaking("database.damaged", "stop the gateway and put back a backup (docs/howto/run-the-gateway.md)")
def pages_overwritten(patient: Patient) -> None:
    data = bytearray(patient.paths.database.read_bytes())
    data[5 * 1024 : 8 * 1024] = b"\xa5" * (3 * 1024)
    patient.paths.database.write_bytes(data)


@breaking("database.foreign", "comatrix config show")
def database_of_another_program(patient: Patient) -> None:
    patient.paths.database.unlink()
    _sql(patient, "CREATE TABLE bookmarks (url TEXT)")


@breaking("database.newer", "comatrix --version")
def database_of_tomorrow(patient: Patient) -> None:
    _sql(patient, f"PRAGMA user_version = {schemas()[-1][0] + 1}")


@breaking("database.older", RESTART)
def database_of_yesterday(patient: Patient) -> None:
    _sql(patient, f"PRAGMA user_version = {schemas()[0][0] - 1}")


@breaking("database.unreadable", "ls -l {home}/comatrix.db")
def folder_for_a_database(patient: Patient) -> None:
    patient.paths.database.unlink()
    patient.paths.database.mkdir()


def _sql(patient: Patient, text: str) -> None:
    connection = sqlite3.connect(patient.paths.database)
    connection.execute(text)
    connection.commit()
    connection.close()
