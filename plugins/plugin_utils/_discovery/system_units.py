"""Units of the system that nobody restarts wave by wave, and why not."""

from __future__ import annotations

from fnmatch import fnmatchcase

OF_SYSTEM = "what the system itself runs on"
OF_SESSIONS = "for logins and consoles"
OF_BOOT = "for the boot, disks and network of the host"
OF_MACHINE = "for its own machine alone"
HARMLESS = "a restart of it interrupts nobody"

REASONS = {
    OF_SYSTEM: ("systemd-*", "dbus", "dbus-broker", "polkit", "init", "initrd-*", "quotaon*", "rc-local"),
    OF_SESSIONS: (
        *("getty@*", "getty-static", "serial-getty@*", "console-getty", "container-getty@*", "autovt@*"),
        *("user@*", "user-runtime-dir@*", "session-*", "display-manager", "gdm*", "lightdm", "sddm"),
        *("accounts-daemon", "colord", "rtkit-daemon", "upower", "udisks2", "bluetooth"),
    ),
    OF_BOOT: (
        *(
            "networking",
            "NetworkManager*",
            "ifup@*",
            "ifupdown-*",
            "wpa_supplicant*",
            "ModemManager",
            "dhcpcd*",
        ),
        *("dhclient*", "netplan-*", "networkd-dispatcher", "resolvconf*", "cloud-*", "keyboard-setup"),
        *("console-setup", "lvm2-*", "dm-event", "multipathd", "iscsid", "open-iscsi", "mdmonitor", "mdadm*"),
        *(
            "blk-availability",
            "cryptdisks*",
            "plymouth*",
            "ufw",
            "apparmor",
            "nftables",
            "emergency",
            "rescue",
        ),
        *("waagent", "walinuxagent", "google-guest-agent*", "amazon-ssm-agent", "qemu-guest-agent"),
        *("open-vm-tools", "vgauth", "vmtoolsd", "hv-*", "xe-daemon", "grub-*", "kexec*", "kdump-tools"),
    ),
    OF_MACHINE: (
        *("acpid", "atd", "anacron", "irqbalance", "haveged", "rng-tools*", "thermald", "tuned", "smartd"),
        *("smartmontools", "mcelog", "rasdaemon", "ipmievd", "fwupd*", "packagekit", "unattended-upgrades"),
        *(
            "apt-*",
            "man-db",
            "logrotate",
            "e2scrub*",
            "fstrim",
            "snapd*",
            "auditd",
            "sysstat",
            "nscd",
            "unscd",
        ),
        *("auto-cpufreq", "power-profiles-daemon", "pcscd", "alsa-*", "phpsessionclean", "uuidd"),
    ),
    HARMLESS: ("ssh", "ssh@*", "sshd", "sshd@*", "cron", "crond", "rsyslog", "syslog-ng"),
}
"""Units without their suffix, as patterns of the shell."""
PATTERNS = tuple(pattern for patterns in REASONS.values() for pattern in patterns)


def reason_of(unit: str) -> str:
    """Say why a unit is left out; empty where it is not the system's."""
    name = unit.rsplit(".", 1)[0]
    return next(
        (why for why, patterns in REASONS.items() if any(fnmatchcase(name, each) for each in patterns)), ""
    )
