# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine image: a Debian 13 root built once, and three layers over it.

`base` is what an instance boots, pre-baked like a golden AMI: packages the host roles need are installed and their
services disabled. `services` adds the servers behind the managed services (PostgreSQL, Redis, HAProxy). `host` is
computed at each start from this machine: its certificate authorities, and its apt and pip settings.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

from lab.machines.mirrors import MIRROR, SECURITY
from lab.machines.util import LabError, cache_dir, find_command, need_commands, need_root, run, say

SUITE = "trixie"


def _words(text: str) -> list[str]:
    return text.split()


#: What an instance boots with. Services that would start by themselves are disabled below.
BASE_PACKAGES = _words("""
systemd systemd-sysv systemd-timesyncd libpam-systemd dbus dbus-user-session udev kmod procps iproute2 iputils-ping netcat-openbsd
openssh-server sudo ca-certificates curl gnupg nftables cloud-init python3 python3-venv python3-pip python3-apt
python3-boto3 python3-psycopg2 awscli nginx-light postgresql-client redis-tools bind9-dnsutils git rsync jq acl unzip
zstd less vim-tiny logrotate cron fail2ban python3-systemd unattended-upgrades needrestart auditd lynis debsums apt-show-versions
libpam-tmpdir prometheus-node-exporter prometheus-process-exporter prometheus-postgres-exporter prometheus-nginx-exporter
prometheus-blackbox-exporter
""")
#: The servers behind RDS, ElastiCache and load balancers.
SERVICE_PACKAGES = _words("postgresql postgresql-contrib redis-server haproxy")
#: Extensions that RDS lets its master user create, PostgreSQL only a superuser.
TRUSTED = _words(
    "pg_stat_statements pg_buffercache pgstattuple pgrowlocks postgres_fdw dblink pg_prewarm pg_visibility"
)
DISABLED = _words("""
nginx fail2ban unattended-upgrades prometheus-node-exporter prometheus-process-exporter prometheus-postgres-exporter
prometheus-nginx-exporter prometheus-blackbox-exporter auditd audit-rules nftables apt-daily.timer apt-daily-upgrade.timer
man-db.timer e2scrub_all.timer fstrim.timer dpkg-db-backup.timer
""")
#: Units that make no sense in a machine without hardware of its own.
MASKED = _words("systemd-udevd.service systemd-udev-trigger.service getty@tty1.service console-getty.service")

CLOUD_CONFIG = """\
# The machine learns who it is from the metadata service, as on AWS.
datasource_list: [Ec2Lab]
datasource_pkg_list: ["", cloudinit.sources]
datasource:
  Ec2:
    strict_id: false
    metadata_urls: ["http://169.254.169.254"]
    max_wait: 30
    timeout: 10
    apply_full_imds_network_config: false
network: {config: disabled}
system_info:
  default_user:
    {name: admin, gecos: Debian, groups: [adm, sudo], lock_passwd: true, shell: /bin/bash, sudo: ["ALL=(ALL) NOPASSWD:ALL"]}
ssh_genkeytypes: [ed25519, ecdsa]
manage_etc_hosts: true
# The image carries its packages and its disk cannot grow.
apt: {preserve_sources_list: true}
resize_rootfs: false
growpart: {mode: "off"}
# What the packaged list does that has no meaning here is left out: locale, growpart, disk and GRUB set-up.
cloud_init_modules: [write_files, set_hostname, update_hostname, update_etc_hosts, ca_certs, users_groups, ssh]
cloud_config_modules: [ssh_import_id, set_passwords, apt_configure, timezone, runcmd]
cloud_final_modules:
  [package_update_upgrade_install, write_files_deferred, scripts_per_once, scripts_per_boot, scripts_per_instance,
   scripts_user, ssh_authkey_fingerprints, keys_to_console, final_message, power_state_change]
"""


#: cloud-init knows EC2 by the firmware's UUID, which a machine without firmware does not have, and asks for version 2 of
#: the metadata service only there. This is its own data source for EC2, told that it is on EC2.
DATA_SOURCE = """\
from cloudinit import sources
from cloudinit.sources import DataSourceEc2

DataSourceEc2.identify_platform = lambda: DataSourceEc2.CloudNames.AWS


class DataSourceEc2Lab(DataSourceEc2.DataSourceEc2):
    pass


def get_datasource_list(depends):
    return sources.list_from_depends(
        depends, [(DataSourceEc2Lab, (sources.DEP_FILESYSTEM, sources.DEP_NETWORK))]
    )
"""


def recipe_sum() -> str:
    """The checksum of the recipe: part of an image's name, so that a changed recipe makes a new image."""
    parts = [
        SUITE,
        *BASE_PACKAGES,
        "|",
        *SERVICE_PACKAGES,
        "|",
        *DISABLED,
        *MASKED,
        CLOUD_CONFIG,
        DATA_SOURCE,
        FINISH,
        *TRUSTED,
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


#: Runs inside the new root once the packages are there.
FINISH = r"""set -eu
id admin >/dev/null 2>&1 || useradd --create-home --shell /bin/bash --user-group admin
usermod --lock admin
echo 'admin ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/90-cloud-init-users
chmod 0440 /etc/sudoers.d/90-cloud-init-users
rm -f /etc/ssh/ssh_host_* /etc/machine-id /var/lib/dbus/machine-id /etc/nginx/sites-enabled/default
: >/etc/machine-id
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /usr/share/doc/*/examples
ln -sf /usr/lib/systemd/system/multi-user.target /etc/systemd/system/default.target
sed -i 's/^UsePAM.*/UsePAM yes/; s/^#*PasswordAuthentication.*/PasswordAuthentication no/' /etc/ssh/sshd_config
"""


def root() -> Path:
    """The directory of the image that this recipe makes."""
    return cache_dir() / f"debian13-{recipe_sum()}"


def base() -> Path:
    """The root file system an instance boots from, never written to."""
    return root() / "base"


def services() -> Path:
    """The layer with the servers of the managed services, over `base`."""
    return root() / "services"


def ensure() -> Path:
    """Build the image when it is not in the cache; return its directory. Takes two or three minutes the first time."""
    need_root()
    need_commands({"ip": "iproute2", "nft": "nftables"})
    if (root() / "complete").exists():
        return root()
    started = time.monotonic()
    root().parent.mkdir(parents=True, exist_ok=True)
    work = root().with_name(f".{root().name}.{os.getpid()}")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    say(f"building the machine image once, in {root()}")
    try:
        _build_base(work / "base")
        _build_services(work)
        (work / "complete").write_text(f"{time.time():.0f}\n")
        work.rename(root())
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    say(f"image built in {time.monotonic() - started:.0f} s")
    return root()


def _build_base(target: Path) -> None:
    """Pull or bootstrap Debian 13 and install what an instance carries."""
    if not _pull(target):
        need_commands({"debootstrap": "debootstrap"})
        say("bootstrapping Debian 13 with debootstrap")
        script = "trixie" if Path("/usr/share/debootstrap/scripts/trixie").exists() else "sid"
        run("debootstrap", "--variant=minbase", SUITE, target, MIRROR, f"/usr/share/debootstrap/scripts/{script}")
    (target / "etc/apt/sources.list").write_text(
        f"deb {MIRROR} {SUITE} main\ndeb {MIRROR} {SUITE}-updates main\ndeb {SECURITY} {SUITE}-security main\n"
    )
    (target / "etc/apt/sources.list.d/debian.sources").unlink(missing_ok=True)
    (target / "etc/apt/apt.conf.d/05terrace").write_text('APT::Install-Recommends "false";\nDpkg::Use-Pty "false";\n')
    say("installing the packages of the instances")
    _install(target, BASE_PACKAGES)
    config = target / "etc/cloud/cloud.cfg.d/90_terrace.cfg"
    config.write_text(CLOUD_CONFIG)
    (target / "usr/local/lib/python3.13/dist-packages/DataSourceEc2Lab.py").write_text(DATA_SOURCE)
    _chroot(
        target, f"systemctl disable -q {' '.join(DISABLED)} || true; systemctl mask -q {' '.join(MASKED)}; {FINISH}"
    )


def _build_services(work: Path) -> None:
    """Install the servers in an overlay over `base`, so that instances do not carry them."""
    for name in ("services", "scratch", "joined"):
        (work / name).mkdir()
    options = f"lowerdir={work / 'base'},upperdir={work / 'services'},workdir={work / 'scratch'}"
    say("installing the servers of the managed services")
    joined = work / "joined"
    run("mount", "-t", "overlay", "overlay", "-o", options, joined)
    try:
        # A cluster made at installation would only take room: each database makes its own.
        (joined / "etc/postgresql-common").mkdir(parents=True, exist_ok=True)
        (joined / "etc/postgresql-common/createcluster.conf").write_text("create_main_cluster = false\n")
        _install(joined, SERVICE_PACKAGES)
        folder = joined / "usr/share/postgresql/17/extension"
        for name in TRUSTED:
            with (folder / f"{name}.control").open("a") as control:
                control.write("trusted = true\n")
        _chroot(joined, "rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin")
    finally:
        run("umount", joined)
    shutil.rmtree(work / "scratch")
    joined.rmdir()


def _pull(target: Path) -> bool:
    """Take Debian 13 from a container registry when podman is here and can; say so when it cannot."""
    if not find_command("podman"):
        return False
    try:
        run("podman", "pull", "-q", "docker.io/library/debian:trixie-slim")
        container = run("podman", "create", "docker.io/library/debian:trixie-slim").strip()
        try:
            target.mkdir()
            with subprocess.Popen(["podman", "export", container], stdout=subprocess.PIPE) as export:
                subprocess.run(["tar", "-x", "-C", str(target)], stdin=export.stdout, check=True)
        finally:
            run("podman", "rm", container)
        return True
    except (LabError, subprocess.CalledProcessError) as error:
        say(f"Debian 13 cannot be pulled ({str(error).splitlines()[-1][:120]}); bootstrapping it instead")
        shutil.rmtree(target, ignore_errors=True)
        return False


def _install(target: Path, packages: list[str]) -> None:
    """Install packages in a root with this machine's resolver and apt settings, without starting anything."""
    policy = target / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    settings = target / "etc/apt/apt.conf.d/90build"
    settings.write_text(apt_settings())
    resolver = target / "etc/resolv.conf"
    resolver.unlink(missing_ok=True)
    shutil.copyfile("/etc/resolv.conf", resolver)
    try:
        names = " ".join(packages)
        _chroot(
            target, f"apt-get update -qq && apt-get install -y -qq --no-install-recommends {names} && apt-get clean"
        )
    finally:
        for leftover in (policy, settings):
            leftover.unlink()
        resolver.write_text("")


def _chroot(target: Path, script: str) -> None:
    """Run a shell script inside a root, in a mount and PID namespace of its own so that nothing stays behind."""
    prepare = 'mount -t proc proc "$0/proc"; mount --rbind /dev "$0/dev"; exec chroot "$0" /bin/sh -c "$1"'
    env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
    env |= {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_SUSPEND": "1"}
    env |= {key: value for key, value in os.environ.items() if key.lower() in ("http_proxy", "https_proxy", "no_proxy")}
    run("unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-euc", prepare, target, script, env=env)


def apt_settings() -> str:
    """This machine's own apt settings that decide whether a download succeeds: proxies and date checks."""
    if not find_command("apt-config"):
        return ""
    wanted = re.compile(r"^Acquire::(Check-Valid-Until|Check-Date|https?::Proxy)\b", re.IGNORECASE)
    return "".join(line + "\n" for line in run("apt-config", "dump").splitlines() if wanted.match(line))
