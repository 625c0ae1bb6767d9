"""What a host over SSH is to be besides the stack: the settings of the Ansible roles, one model a role."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from trivet.spec.base import Frozen, refuse
from trivet.spec.gateway import Port

# No word of a shell, a unit or a template, wherever a role writes it.
Directory = Annotated[str, Field(pattern=r"^(/[A-Za-z0-9_][A-Za-z0-9._-]*)+$", description="An absolute path.")]
TimeOfDay = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description="Such as 04:00.")]


def _network(text: str) -> str:
    try:
        IPv4Network(text)
    except ValueError as exc:
        refuse(f"base is an IPv4 network ({exc})", "write it as 172.30.0.0/16")
    return text


def _tunnel_address(text: str) -> str:
    try:
        IPv4Address(text)
    except ValueError as exc:
        refuse(f"address is an IPv4 address ({exc})", "write it as 10.88.0.2")
    return text


def _interface(text: str) -> str:
    try:
        network = IPv4Interface(text).network
    except ValueError as exc:
        refuse(f"address is an IPv4 address with the length of its network ({exc})", "write it as 10.88.0.1/24")
    if network.prefixlen > 30:  # noqa: PLR2004  # itself, a peer, the network, broadcast
        refuse("the tunnel's network has room for peers", "write it as 10.88.0.1/24")
    return text


class AddressPool(Frozen):
    """What networks of containers are cut from."""

    base: Annotated[str, AfterValidator(_network)]
    size: Annotated[int, Field(ge=8, le=29, description="Length of the prefix of each piece.")] = 24


class EngineRole(Frozen):
    """Docker Engine with Compose."""

    data_root: Directory = "/var/lib/docker"
    log_size: Annotated[str, Field(pattern=r"^[1-9][0-9]*[kmg]$", description="Of one file of a container's log.")] = (
        "10m"
    )
    log_files: Annotated[int, Field(ge=1, le=100)] = 5
    address_pools: Annotated[tuple[AddressPool, ...], Field(min_length=1, strict=False)] = (
        AddressPool(base="172.30.0.0/16"),
    )
    user_namespaces: Annotated[bool, Field(description="Containers' root is nobody outside them.")] = False


class HardeningRole(Frozen):
    """Keys only, closed ports, security upgrades, audit, kernel settings, the time."""

    open_ports: Annotated[
        tuple[Port, ...],
        Field(strict=False, description="TCP ports open to everybody, besides sshd's and the gateway's."),
    ] = ()
    confirm_seconds: Annotated[
        int, Field(ge=10, le=600, description="Until new rules that nobody has confirmed are taken back.")
    ] = 60
    reboot_at: Annotated[TimeOfDay | None, Field(description="When upgrades may restart the machine.")] = None


class NvidiaRole(Frozen):
    """NVIDIA cards, kept ready and within limits, and offered to containers. Without a card it says so."""

    packages: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9+.-]+$")], ...],
        Field(strict=False, description="Of the driver and of the container toolkit, from the host's apt sources."),
    ] = ()
    power_limit: Annotated[int, Field(ge=0, le=2000, description="Watts a card may draw; 0 for its own limit.")] = 0
    ecc: Annotated[Literal["keep", "on", "off"], Field(description="Memory that corrects its errors.")] = "keep"
    clock: Annotated[int, Field(ge=0, le=5000, description="MHz at which cards are held; 0 for their own.")] = 0


class GpuPartitionRole(Frozen):
    """Each model its own card, or its own slice of one; where that is not to be had, models share a card."""

    mig: Annotated[bool, Field(description="Whether cards that can be cut into slices may be.")] = True


class BackupRole(Frozen):
    """Encrypted backups of audit and configuration, each proved by restoring it. Wants the secret backupPassword."""

    repository: Annotated[
        str,
        Field(
            pattern=r"^(/[A-Za-z0-9._/-]+|(sftp|rest|s3|b2|azure|gs|swift|rclone):[^\s'\"]+)$",
            description="A directory of the host, or whatever else restic knows: sftp:…, rest:…, s3:….",
        ),
    ]
    paths: Annotated[
        tuple[Directory, ...], Field(strict=False, description="Saved besides audits, installations and /etc/trivet.")
    ] = ()
    calendar: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9 *:,./~-]+$", description="When, as systemd.time(7) has it.")
    ] = "daily"
    keep_daily: Annotated[int, Field(ge=1, le=365)] = 7
    keep_weekly: Annotated[int, Field(ge=0, le=520)] = 5
    keep_monthly: Annotated[int, Field(ge=0, le=600)] = 12


class Peer(Frozen):
    """Who is let into the tunnel. Its private key is its own."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 @._-]{0,63}$", description="For people.")]
    public_key: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$", description="As `wg pubkey` prints it.")
    ]
    address: Annotated[str, AfterValidator(_tunnel_address), Field(description="In the tunnel, such as 10.88.0.2.")]


class WireGuard(Frozen):
    """A tunnel, through which alone the gateway is reached."""

    address: Annotated[
        str, AfterValidator(_interface), Field(description="The host's in the tunnel, such as 10.88.0.1/24.")
    ]
    port: Annotated[Port, Field(description="UDP.")] = 51820
    peers: Annotated[tuple[Peer, ...], Field(min_length=1, strict=False)]

    @model_validator(mode="after")
    def _peers_are_told_apart(self) -> Self:
        inside = IPv4Interface(self.address)
        addresses = [IPv4Address(peer.address) for peer in self.peers]
        if any(each not in inside.network or each == inside.ip for each in addresses):
            refuse(f"peers have addresses of {inside.network}, other than {inside.ip}", "choose one there for each")
        if len({*addresses}) < len(addresses) or len({peer.public_key for peer in self.peers}) < len(self.peers):
            refuse("each peer has an address and a key of its own", "run `wg genkey` on each of them")
        return self


class AccessRole(Frozen):
    """Caddy before the gateway, or a tunnel to it: TLS or WireGuard, on the only port that clients reach."""

    name: Annotated[
        str | None,
        Field(
            pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$",
            description="The host's, as clients call it; the address that it is reached at when absent.",
        ),
    ] = None
    wireguard: Annotated[WireGuard | None, Field(description="A tunnel instead of TLS.")] = None
    port: Port = 443
    certificate: Annotated[
        Literal["internal", "acme"],
        Field(description="internal: of an authority of its own. acme: of Let's Encrypt, over port 443."),
    ] = "internal"

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if self.name and self.wireguard:
            refuse("access is by TLS, under a name, or by wireguard", "remove one of name and wireguard")
        return self

    @property
    def address(self) -> str:
        """Where the gateway listens: on the loopback address, or in the tunnel."""
        return self.wireguard.address.partition("/")[0] if self.wireguard else "127.0.0.1"


class Ups(Frozen):
    """The uninterruptible power supply at the host, as ups.conf(5) has it."""

    driver: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", description="NUT's, such as usbhid-ups.")]
    port: Annotated[str, Field(pattern=r"^[A-Za-z0-9/][A-Za-z0-9/._:@-]*$", description="Where it is found.")] = "auto"
    options: Annotated[
        dict[Annotated[str, Field(pattern=r"^[a-z][a-zA-Z0-9_.]*$")], Annotated[str, Field(pattern=r'^[^"\\\n]*$')]],
        Field(default_factory=dict, description="Whatever else the driver takes; a flag has an empty value."),
    ]
    on_battery_seconds: Annotated[
        int, Field(ge=0, le=86400, description="On battery until the host is switched off; 0: until that is low.")
    ] = 0


class PowerRole(Frozen):
    """An orderly stop, also on battery, and wake-on-LAN."""

    drain_seconds: Annotated[
        int, Field(ge=0, le=600, description="In which requests in flight may end before the host stops.")
    ] = 30
    wake_on_lan: Annotated[bool, Field(description="A magic packet switches the host on.")] = False
    ups: Ups | None = None


class WorkstationSettings(Frozen):
    """The roles that are played. One that is null is not; what it did before stays."""

    packages: Annotated[
        Literal["mirror", "bundle"],
        Field(description="The roles' Debian packages: from the host's own apt sources, or from the bundle."),
    ] = "mirror"

    engine: EngineRole | None = EngineRole()
    hardening: HardeningRole | None = HardeningRole()
    nvidia: NvidiaRole | None = NvidiaRole()
    gpu_partition: GpuPartitionRole | None = None
    backup: BackupRole | None = None
    access: AccessRole | None = None
    power: PowerRole | None = None
