"""The systemd unit of the gateway: its own user, no more than it needs, restarted when it hangs (systemd.exec(5))."""

from pathlib import Path

NAME = "comatrix.service"
UNIT = Path("/etc/systemd/system") / NAME
CONFIG_HOME = "/etc"  # XDG: the configuration is in /etc/comatrix, the database in /var/lib/comatrix
STATE_HOME = "/var/lib"
USER = "comatrix"


def unit_text(program: str, *, memory_max: str = "256M") -> str:
    """The whole file. `program`: the absolute path of `comatrix`."""
    return f"""\
# Written by `comatrix service install`. Change it with: systemctl edit {NAME}
[Unit]
Description=CoMatrix gateway
Documentation=man:systemd.service(5)
Wants=network-online.target
After=network-online.target time-sync.target
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={quoted(program)} gateway run
Environment=XDG_CONFIG_HOME={CONFIG_HOME} XDG_STATE_HOME={STATE_HOME} PYTHONDONTWRITEBYTECODE=1
Restart=always
RestartSec=5
TimeoutStartSec=90
TimeoutStopSec=30
WatchdogSec=120
MemoryMax={memory_max}
TasksMax=64

User={USER}
Group={USER}
SupplementaryGroups=dialout
# The gateway renews its access token, so it writes there too.
ConfigurationDirectory=comatrix
ConfigurationDirectoryMode=0750
StateDirectory=comatrix
StateDirectoryMode=0750
ReadWritePaths=/etc/comatrix
UMask=0027

NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
PrivateMounts=yes
RemoveIPC=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
CapabilityBoundingSet=
# Serial ports of radios, and nothing else.
DevicePolicy=closed
DeviceAllow=char-ttyUSB rw
DeviceAllow=char-ttyACM rw
DeviceAllow=char-ttyAMA rw
DeviceAllow=char-ttyS rw

[Install]
WantedBy=multi-user.target
"""


def quoted(program: str) -> str:
    """As one word of ExecStart: systemd reads %, $, quotes and backslashes."""
    safe = program.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{safe}"' if safe != program or any(c.isspace() for c in program) else program
