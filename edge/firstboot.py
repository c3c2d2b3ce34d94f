"""What a board is told at its first start, as cloud-init reads it from the FAT partition.

The files are JSON, which is YAML too; Raspberry Pi OS (from November 2025) and the image of edge-alpr both read them.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from edge.errors import BadSettings
from edge.settings import Settings

HOSTNAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
KEY = re.compile(r"(ssh-(ed25519|rsa)|ecdsa-sha2-nistp\d+|sk-[a-z0-9@.-]+) [A-Za-z0-9+/=]+( .*)?")
CAMERA = re.compile(r"[a-z0-9_]+")
COUNTRY = re.compile(r"[A-Z]{2}")
GROUPS = "adm,dialout,plugdev,sudo,systemd-journal,video"
BOOT = "/boot/firmware/edge-alpr"  # where a Raspberry Pi OS shows what flash put beside its kernel


@dataclass(frozen=True, slots=True, kw_only=True)
class Wifi:
    """A network that is joined with a password."""

    ssid: str
    password: str
    country: str

    def __post_init__(self) -> None:
        if not 1 <= len(self.ssid.encode()) <= 32:
            raise BadSettings(f"The Wi-Fi name {self.ssid!r} must have 1 to 32 bytes.")
        if not re.fullmatch(r"[ -~]{8,63}", self.password):
            raise BadSettings("A Wi-Fi password has 8 to 63 letters, digits and signs of ASCII. Check it.")
        if not COUNTRY.fullmatch(self.country):
            raise BadSettings(f"--wifi-country {self.country} is no country. Write two capitals, such as VN.")

    @property
    def key(self) -> str:
        """The pre-shared key in hexadecimal (IEEE 802.11i, H.4), so that the password itself is not on the card."""
        return hashlib.pbkdf2_hmac("sha1", self.password.encode(), self.ssid.encode(), 4096, 32).hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstBoot:
    """Name, user, network and cameras of one board."""

    hostname: str = "edge-alpr"
    user: str = "alpr"
    keys: tuple[str, ...] = ()  # public SSH keys; without one nobody can log in
    wifi: Wifi | None = None
    cameras: tuple[tuple[str, str], ...] = (("gate", "0"),)  # name and source
    region: str | None = None
    device: str = "auto"

    def __post_init__(self) -> None:
        if not HOSTNAME.fullmatch(self.hostname):
            raise BadSettings(f"--hostname {self.hostname} is none. Use a-z, 0-9 and - inside, 63 at most.")
        if not USER.fullmatch(self.user) or self.user in ("root", "edge-alpr"):
            raise BadSettings(f"--user {self.user} is no name for a person. Use a-z, 0-9, _ and -.")
        for key in self.keys:
            if not KEY.fullmatch(key):
                raise BadSettings(f"{key[:40]!r} is no public SSH key. Name the .pub file that ssh-keygen wrote.")
        for name, source in self.cameras:
            if not CAMERA.fullmatch(name) or not source or re.search(r'["\\\x00-\x1f]', source):
                raise BadSettings(
                    f"--camera {name}={source} is none. Write NAME=SOURCE, the name of a-z, 0-9 and _, "
                    "the source without quotation marks and backslashes."
                )
        Settings(device=self.device, region=self.region)


def files(first: FirstBoot, instance: str, *, stock: bool) -> dict[str, bytes]:
    """The files of the FAT partition by name; `stock` is a Raspberry Pi OS that still has to install edge-alpr."""
    cloud = "#cloud-config\n" + _json(user_data(first, stock=stock))
    made = {"user-data": cloud, "meta-data": _json({"instance-id": instance, "local-hostname": first.hostname})}
    made["network-config"] = _json(network(first.wifi))
    return {name: text.encode() for name, text in made.items()}


def user_data(first: FirstBoot, *, stock: bool) -> dict[str, Any]:
    """Host name, user, settings of the cameras and the commands that start them."""
    user: dict[str, Any] = {"name": first.user, "groups": GROUPS, "shell": "/bin/bash", "lock_passwd": True}
    user |= {"sudo": "ALL=(ALL) NOPASSWD:ALL"} | ({"ssh_authorized_keys": list(first.keys)} if first.keys else {})
    owner = {} if stock else {"owner": "root:edge-alpr"}  # the image has the group from the start
    settings = [
        {"path": f"/etc/edge-alpr/{name}.toml", "permissions": "0640", "content": settings_text(first, name, source)}
        | owner
        for name, source in first.cameras
    ]
    return {
        "hostname": first.hostname,
        "manage_etc_hosts": True,
        "users": [user],
        "ssh_pwauth": False,
        "write_files": settings,
        "runcmd": [["systemctl", "enable", "--now", "ssh"], *_commands(first, stock)],
    }


def settings_text(first: FirstBoot, name: str, source: str) -> str:
    """The settings file of one camera."""
    store = f"/var/lib/edge-alpr/{name}/edge-alpr.db"
    region = "" if first.region is None else f'region = "{first.region}"\n'
    return (
        f'device = "{first.device}"\n{region}\n[camera]\nsource = "{source}"\n\n'
        f'[store]\npath = "{store}"\nretention_days = 30\nretention_mb = 2000\n'
    )


def network(wifi: Wifi | None) -> dict[str, Any]:
    """Addresses from the network on the wire, and over the air where a Wi-Fi is given (netplan, version 2)."""
    told: dict[str, Any] = {"version": 2}
    told["ethernets"] = {"wire": {"match": {"name": "e*"}, "dhcp4": True, "dhcp6": True, "optional": True}}
    if wifi is not None:
        point = {wifi.ssid: {"password": wifi.key}}
        told["wifis"] = {
            "wlan0": {"dhcp4": True, "optional": True, "regulatory-domain": wifi.country, "access-points": point}
        }
    return {"network": told}


def _commands(first: FirstBoot, stock: bool) -> list[list[str]]:
    names = [name for name, _ in first.cameras]
    if stock:
        named = [word for name in names for word in ("--camera", name)]
        venv = "python3 -c 'import ensurepip, venv' || apt-get install -y python3-venv"
        return [["sh", "-c", venv], ["bash", f"{BOOT}/install", "--offline", f"{BOOT}/wheelhouse", *named]]
    units = [f"edge-alpr@{name}.service" for name in names]
    idle = [] if "gate" in names else [["systemctl", "disable", "--now", "edge-alpr@gate.service"]]
    start = [["systemctl", "enable", *units], ["systemctl", "--no-block", "restart", *units]]
    once = [["touch", "/etc/cloud/cloud-init.disabled"]]  # removing it has the files read again
    return [*idle, ["systemd-tmpfiles", "--create", "edge-alpr.conf"], *start, *once]


def _json(told: dict[str, Any]) -> str:
    return json.dumps(told, ensure_ascii=False, indent=1) + "\n"
