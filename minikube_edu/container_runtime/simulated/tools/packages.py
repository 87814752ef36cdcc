"""apt-get, apt, dpkg, apk, yum, dnf, microdnf, and pip and npm, which are not simulated.

Installing makes a package's commands available (`container.install`); what is installed is in the container's notes.
The lines that pass by are those of the real managers, with sizes and versions derived from the names; time passes as
with a quick mirror. A package nobody knows ends in the manager's own error.

The file is long because five managers say the same in their own words.
"""

from __future__ import annotations

import errno
import zlib

from minikube_edu.container_runtime.simulated.contract import Process, failure
from minikube_edu.container_runtime.simulated.tools.arguments import Complaint, program
from minikube_edu.container_runtime.simulated.tools.streams import confirmed, decode, encode

COMMANDS = {
    "apt-get": "apt_get",
    "apt": "apt_get",
    "apt-cache": "apt_cache",
    "apt-key": "apt_cache",
    "yum": "dnf",
    "dnf": "dnf",
    "microdnf": "dnf",
    "pip": "unsimulated",
    "pip3": "unsimulated",
    "npm": "unsimulated",
    "apk": "apk",
    "dpkg": "dpkg",
    "dpkg-query": "dpkg",
    "rpm": "rpm",
    "gem": "unsimulated",
    "conda": "unsimulated",
    "cargo": "unsimulated",
}
LIBRARIES = {
    "ca-certificates",
    "gnupg",
    "apt-transport-https",
    "software-properties-common",
    "tzdata",
    "locales",
    "openssl",
    "bash-completion",
    "build-essential",
    "gcc",
    "make",
    "libc6-dev",
    "musl-dev",
    "gcompat",
    "libc6-compat",
}


MIRROR = "http://mirror.cluster.local"  # what a company's mirror would be called; nothing is fetched


def number(name: str, low: int, high: int) -> int:
    """A number that is always the same for a name."""
    return low + zlib.crc32(name.encode()) % (high - low)


def version(name: str) -> str:
    known = {
        "curl": "7.88.1-10+deb12u12",
        "wget": "1.21.3-1+b2",
        "vim": "2:9.0.1378-2",
        "procps": "2:4.0.2-3",
        "bash": "5.2.15-2+b7",
        "dnsutils": "1:9.18.33-1~deb12u2",
        "iputils-ping": "3:20221126-1",
        "net-tools": "2.10-0.1",
        "git": "1:2.39.5-0+deb12u2",
    }
    return known.get(name, f"{number(name, 1, 9)}.{number(name + 'b', 0, 30)}.{number(name + 'c', 0, 12)}-1")


def installed(process: Process) -> dict[str, str]:
    table = process.container.notes.setdefault("tools.packages", {})
    assert isinstance(table, dict)
    return table


def known(process: Process, name: str) -> bool:
    return name in LIBRARIES or process.container.installable(name) is not None


def install(process: Process, name: str) -> None:
    if process.container.installable(name) is not None:
        process.container.install(name)
    installed(process)[name] = version(name)


async def say(process: Process, text: str, pause: float = 0.0) -> None:
    await process.stdout.write(encode(text + "\n"))
    if pause:
        await process.sleep(pause)


def writable(process: Process) -> None:
    """Package managers need root and a root file system one can write to."""
    if process.user.uid != 0:
        raise failure(errno.EACCES)
    if "ro" in process.statfs("/").options.split(","):
        raise failure(errno.EROFS)


async def release(process: Process) -> dict[str, str]:
    try:
        text = decode(await process.read_file("/etc/os-release"))
    except OSError:
        return {}
    pairs = [line.partition("=") for line in text.split("\n") if "=" in line]
    return {name: value.strip("\"'") for name, _, value in pairs}


def split(words: list[str], valued: tuple[str, ...] = ()) -> tuple[str, list[str], set[str]]:
    """(command, names, options)"""
    command, names, options = "", [], set()
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        if word in valued and waiting:
            options.add(f"{word}={waiting.pop(0)}")
        elif word.startswith("-"):
            options.add(word)
        elif not command:
            command = word
        else:
            names.append(word)
    return command, names, options


# Debian, Ubuntu


@program(
    "apt-get [-y] {update | install PKG... | upgrade | remove PKG... | clean}", failure=100, version="apt 2.6.1 (amd64)"
)
async def apt_get(process: Process) -> int:
    command, names, options = split(process.argv[1:], ("-o", "-t", "-c"))
    quiet = bool(options & {"-qq", "-q=2"})
    if command in ("", "help"):
        await say(process, "apt 2.6.1 (amd64)\nUsage: apt-get [options] command")
        return 0
    if command in ("update", "install", "upgrade", "dist-upgrade", "full-upgrade", "remove", "purge", "autoremove"):
        try:
            writable(process)
        except OSError as error:
            words = "13: Permission denied" if error.errno == errno.EACCES else "30: Read-only file system"
            lock = "/var/lib/apt/lists/lock" if command == "update" else "/var/lib/dpkg/lock-frontend"
            await process.stderr.write(encode(f"E: Could not open lock file {lock} - open ({words})\n"))
            if command == "update":
                await process.stderr.write(encode("E: Unable to lock directory /var/lib/apt/lists/\n"))
            else:
                await process.stderr.write(
                    encode(f"E: Unable to acquire the dpkg frontend lock ({lock}), are you root?\n")
                )
            return 100
    if process.name == "apt" and not process.stdout.is_terminal() and command != "list":
        await process.stderr.write(
            b"\nWARNING: apt does not have a stable CLI interface. Use with caution in scripts.\n\n"
        )
    if command == "update":
        return await apt_update(process, quiet)
    if command in ("install", "remove", "purge"):
        return await (apt_install if command == "install" else apt_remove)(process, names, options, quiet)
    if command in ("upgrade", "dist-upgrade", "full-upgrade", "autoremove"):
        await say(
            process,
            "Reading package lists... Done\nBuilding dependency tree... Done\nReading state information... Done\n"
            "0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.",
        )
        return 0
    if command in ("clean", "autoclean"):
        return 0
    if command == "list":
        await say(process, "Listing... Done")
        for name, text in sorted(installed(process).items()):
            await say(process, f"{name}/now {text} amd64 [installed,local]")
        return 0
    if command in ("search", "show", "policy"):
        return await apt_cache_for(process, command, names)
    await process.stderr.write(encode(f"E: Invalid operation {command}\n"))
    return 100


async def apt_update(process: Process, quiet: bool) -> int:
    system = await release(process)
    suite = system.get("VERSION_CODENAME", "bookworm")
    ubuntu = system.get("ID") == "ubuntu"
    base = f"{MIRROR}/ubuntu" if ubuntu else f"{MIRROR}/debian"
    security = f"{MIRROR}/ubuntu" if ubuntu else f"{MIRROR}/debian-security"
    process.container.notes["tools.apt.lists"] = True
    if quiet:
        await process.sleep(0.3)
        return 0
    for index, line in enumerate(
        [
            f"{base} {suite} InRelease [151 kB]",
            f"{base} {suite}-updates InRelease [55.4 kB]",
            f"{security} {suite}-security InRelease [48.0 kB]",
            f"{base} {suite}/main amd64 Packages [8793 kB]",
            f"{base} {suite}-updates/main amd64 Packages [756 B]",
            f"{security} {suite}-security/main amd64 Packages [268 kB]",
        ],
        1,
    ):
        await say(process, f"Get:{index} {line}", 0.05)
    await say(process, "Fetched 9316 kB in 1s (9316 kB/s)\nReading package lists...")
    return 0


async def apt_install(process: Process, names: list[str], options: set[str], quiet: bool) -> int:
    names = [name.partition("=")[0].partition("/")[0] for name in names]
    lists = process.container.notes.get("tools.apt.lists") or not await needs_lists(process)
    if not quiet:
        await say(
            process,
            "Reading package lists... Done\nBuilding dependency tree... Done\nReading state information... Done",
        )
    for name in names:
        if name not in installed(process) and (not lists or not known(process, name)):
            await process.stderr.write(encode(f"E: Unable to locate package {name}\n"))
            return 100
    fresh = [name for name in dict.fromkeys(names) if name not in installed(process)]
    if not quiet:
        for name in names:
            if name not in fresh:
                await say(process, f"{name} is already the newest version ({installed(process)[name]}).")
        if fresh:
            await say(process, "The following NEW packages will be installed:\n  " + " ".join(sorted(fresh)))
        await say(process, f"0 upgraded, {len(fresh)} newly installed, 0 to remove and 0 not upgraded.")
    if not fresh:
        return 0
    total = sum(number(name, 80, 900) for name in fresh)
    if not quiet:
        await say(
            process,
            f"Need to get {total} kB of archives.\n"
            f"After this operation, {total * 3} kB of additional disk space will be used.",
        )
    if not options & {"-y", "--yes", "--assume-yes", "-qy", "-yq", "-qqy", "-yqq"} and not quiet:
        await process.stdout.write(b"Do you want to continue? [Y/n] ")
        answer = await process.stdin.read(100)
        if (not answer.strip() and not answer) or answer.strip()[:1] in (b"n", b"N"):
            await say(process, "Abort.")
            return 1
    if not quiet:
        for index, name in enumerate(fresh, 1):
            await say(
                process,
                f"Get:{index} {MIRROR}/debian bookworm/main amd64 {name} amd64 "
                f"{version(name)} [{number(name, 80, 900)} kB]",
                0.05,
            )
        await say(process, f"Fetched {total} kB in 0s ({total * 4} kB/s)")
        await process.stderr.write(b"debconf: delaying package configuration, since apt-utils is not installed\n")
    for name in fresh:
        await say(
            process,
            f"Selecting previously unselected package {name}.\n"
            f"Preparing to unpack .../{name}_{version(name)}_amd64.deb ...\n"
            f"Unpacking {name} ({version(name)}) ...",
            0.05,
        )
    for name in fresh:
        install(process, name)
        await say(process, f"Setting up {name} ({version(name)}) ...", 0.05)
    return 0


async def needs_lists(process: Process) -> bool:
    """Images come without package lists: `apt-get install` before `apt-get update` finds nothing."""
    try:
        return not process.listdir("/var/lib/apt/lists")
    except OSError:
        return True


async def apt_remove(process: Process, names: list[str], options: set[str], quiet: bool) -> int:
    for name in names:
        if name not in installed(process):
            if not known(process, name):
                await process.stderr.write(encode(f"E: Unable to locate package {name}\n"))
                return 100
            await say(process, f"Package '{name}' is not installed, so not removed")
            continue
        await say(process, f"Removing {name} ({installed(process).pop(name)}) ...", 0.05)
    return 0


async def apt_cache_for(process: Process, command: str, names: list[str]) -> int:
    for name in names:
        if not known(process, name):
            if command == "show":
                await process.stderr.write(encode("E: No packages found\n"))
                return 100
            continue
        if command == "search":
            await say(process, f"{name} - {name} package")
        elif command == "show":
            await say(
                process,
                f"Package: {name}\nVersion: {version(name)}\nArchitecture: amd64\nMaintainer: Debian Maintainers\n",
            )
        else:
            await say(
                process, f"{name}:\n  Installed: {installed(process).get(name, '(none)')}\n  Candidate: {version(name)}"
            )
    return 0


@program("apt-cache {search|show|policy} NAME", failure=100)
async def apt_cache(process: Process) -> int:
    command, names, _ = split(process.argv[1:])
    return await apt_cache_for(process, command or "search", names)


@program("dpkg -l | -L PACKAGE | -s PACKAGE", failure=2)
async def dpkg(process: Process) -> int:
    words = process.argv[1:]
    table = installed(process)
    if words[:1] in (["-l"], ["--list"]):
        chosen = [name for name in words[1:] if name in table] or ([] if words[1:] else sorted(table))
        if words[1:] and not chosen:
            raise Complaint(f"no packages found matching {words[1]}", 1)
        await say(
            process,
            "Desired=Unknown/Install/Remove/Purge/Hold\n"
            "| Status=Not/Inst/Conf-files/Unpacked/halF-conf/Half-inst/trig-aWait/Trig-pend\n"
            "|/ Err?=(none)/Reinst-required (Status,Err: uppercase=bad)\n"
            "||/ Name           Version      Architecture Description\n"
            "+++-==============-============-============-=================================",
        )
        for name in chosen:
            await say(process, f"ii  {name:<14} {table[name]:<12} amd64        {name}")
        return 0
    if words[:1] in (["-s"], ["--status"], ["-L"], ["-W"]):
        for name in words[1:]:
            if name not in table:
                await process.stderr.write(
                    encode(f"dpkg-query: package '{name}' is not installed and no information is available\n")
                )
                return 1
            await say(process, f"Package: {name}\nStatus: install ok installed\nVersion: {table[name]}")
        return 0
    if words[:1] == ["--print-architecture"]:
        await say(process, "amd64")
        return 0
    raise Complaint("need an action option", 2)


# Alpine


@program("apk [--no-cache] {update | add PKG... | del PKG... | info | search NAME}")
async def apk(process: Process) -> int:
    command, names, options = split(process.argv[1:], ("--repository", "-X", "-t", "--virtual", "-p"))
    if command in ("", "help"):
        await say(
            process, "apk-tools 2.14.4, compiled for x86_64.\n\nusage: apk [<OPTIONS>...] COMMAND [<ARGUMENTS>...]"
        )
        return 0 if command else 1
    system = await release(process)
    series = ".".join(system.get("VERSION_ID", "3.20.3").split(".")[:2])
    fetch = [
        f"fetch {MIRROR}/alpine/v{series}/{repository}/x86_64/APKINDEX.tar.gz" for repository in ("main", "community")
    ]
    lists = process.container.notes.get("tools.apk.lists")
    if command in ("add", "update", "del", "upgrade"):
        try:
            writable(process)
        except OSError as error:
            words = "Permission denied" if error.errno == errno.EACCES else "Read-only file system"
            await process.stderr.write(
                encode(f"ERROR: Unable to lock database: {words}\nERROR: Failed to open apk database: {words}\n")
            )
            return 99
    if (
        command == "update"
        or (
            command in ("add", "search", "upgrade")
            and (options & {"--no-cache", "-U", "--update-cache", "--update"} or not lists)
        )
    ) and (command == "update" or not options & {"-q", "--quiet"}):
        for line in fetch:
            await say(process, line, 0.05)
    if command == "update":
        process.container.notes["tools.apk.lists"] = True
        await say(
            process,
            f"v{series}.3-26-g8d1f3e5 [{MIRROR}/alpine/v{series}/main]\n"
            f"v{series}.3-27-g0a3d0b9 [{MIRROR}/alpine/v{series}/community]\n"
            "OK: 24163 distinct packages available",
        )
        return 0
    if command == "add":
        return await apk_add(
            process, [name.partition("=")[0].partition("~")[0] for name in names], bool(options & {"-q", "--quiet"})
        )
    if command == "del":
        for index, name in enumerate(names, 1):
            if installed(process).pop(name, None):
                await say(process, f"({index}/{len(names)}) Purging {name} ({alpine_version(name)})", 0.02)
        await say(process, f"OK: {8 + len(installed(process))} MiB in {14 + len(installed(process))} packages")
        return 0
    if command in ("info", "list"):
        base = [
            "alpine-baselayout",
            "alpine-keys",
            "apk-tools",
            "busybox",
            "ca-certificates-bundle",
            "libc-utils",
            "musl",
            "scanelf",
            "ssl_client",
            "zlib",
        ]
        every = sorted({*base, *installed(process)})
        if names:
            for name in names:
                if name not in every:
                    return 1
                await say(process, f"{name}-{alpine_version(name)} description:\n{name}\n")
            return 0
        for name in every:
            await say(process, name + (f"-{alpine_version(name)}" if "-v" in options or "-vv" in options else ""))
        return 0
    if command == "search":
        for name in names:
            if known(process, name):
                await say(process, f"{name}-{alpine_version(name)}")
        return 0
    if command in ("upgrade", "fix", "cache"):
        await say(process, f"OK: {8 + len(installed(process))} MiB in {14 + len(installed(process))} packages")
        return 0
    await process.stderr.write(encode(f"ERROR: '{command}' is not an apk command. See 'apk --help'.\n"))
    return 1


def alpine_version(name: str) -> str:
    known_versions = {
        "curl": "8.12.1-r0",
        "busybox": "1.36.1-r29",
        "musl": "1.2.5-r0",
        "bash": "5.2.26-r0",
        "git": "2.45.3-r0",
    }
    return known_versions.get(
        name, f"{number(name, 1, 9)}.{number(name + 'b', 0, 30)}.{number(name + 'c', 0, 12)}-r{number(name, 0, 4)}"
    )


async def apk_add(process: Process, names: list[str], quiet: bool) -> int:
    unknown = [name for name in names if not known(process, name)]
    if unknown:
        await process.stderr.write(b"ERROR: unable to select packages:\n")
        for name in unknown:
            await process.stderr.write(encode(f"  {name} (no such package):\n    required by: world[{name}]\n"))
        return len(unknown)
    fresh = [name for name in dict.fromkeys(names) if name not in installed(process)]
    for index, name in enumerate(fresh, 1):
        install(process, name)
        if not quiet:
            await say(process, f"({index}/{len(fresh)}) Installing {name} ({alpine_version(name)})", 0.05)
    if not quiet:
        if fresh:
            await say(process, "Executing busybox-1.36.1-r29.trigger")
        await say(process, f"OK: {8 + len(installed(process))} MiB in {14 + len(installed(process))} packages")
    return 0


# Fedora, CentOS, Red Hat's ubi


@program("dnf [-y] {install PKG... | update | remove PKG... | clean all}")
async def dnf(process: Process) -> int:
    command, names, options = split(process.argv[1:])
    if process.user.uid != 0 and command in ("install", "update", "remove", "upgrade"):
        await process.stderr.write(
            b"Error: This command has to be run with superuser privileges (under the root user on most systems).\n"
        )
        return 1
    if command in ("update", "upgrade", "makecache", "check-update"):
        await say(
            process,
            "Last metadata expiration check: 0:00:01 ago.\nDependencies resolved.\nNothing to do.\nComplete!",
            0.1,
        )
        return 0
    if command in ("clean", "autoremove"):
        await say(process, "0 files removed")
        return 0
    if command in ("install", "reinstall"):
        unknown = [name for name in names if not known(process, name)]
        for name in unknown:
            await say(process, f"No match for argument: {name}")
        if unknown:
            await process.stderr.write(encode(f"Error: Unable to find a match: {' '.join(unknown)}\n"))
            return 1
        fresh = [name for name in dict.fromkeys(names) if name not in installed(process)]
        for name in names:
            if name not in fresh:
                await say(process, f"Package {name}-{version(name)}.x86_64 is already installed.")
        if not fresh:
            await say(process, "Dependencies resolved.\nNothing to do.\nComplete!")
            return 0
        bar = "=" * 80
        await say(
            process,
            f"Dependencies resolved.\n{bar}\n"
            f" Package            Arch      Version             Repository      Size\n{bar}\nInstalling:",
        )
        for name in fresh:
            await say(process, f" {name:<18} x86_64    {version(name):<19} baseos       {number(name, 80, 900):>5} k")
        await say(
            process, f"\nTransaction Summary\n{bar}\nInstall  {len(fresh)} Package{'s' if len(fresh) > 1 else ''}\n"
        )
        if (
            not options & {"-y", "--assumeyes"}
            and process.name != "microdnf"
            and not await confirmed(process, "Is this ok [y/N]: ")
        ):
            await say(process, "Operation aborted.")
            return 1
        await say(
            process,
            "Downloading Packages:\nRunning transaction check\nTransaction check succeeded.\nRunning transaction",
            0.1,
        )
        for index, name in enumerate(fresh, 1):
            install(process, name)
            await say(process, f"  Installing       : {name}-{version(name)}.x86_64    {index}/{len(fresh)}", 0.05)
        await say(
            process,
            "\nInstalled:\n" + "\n".join(f"  {name}-{version(name)}.x86_64" for name in fresh) + "\n\nComplete!",
        )
        return 0
    if command in ("remove", "erase"):
        for name in names:
            if installed(process).pop(name, None) is None:
                await say(process, f"No match for argument: {name}")
            else:
                await say(process, f"Removed:\n  {name}")
        return 0
    await process.stderr.write(encode(f"No such command: {command}. Please use /usr/bin/{process.name} --help\n"))
    return 1


@program("rpm -q[a] [PACKAGE]...")
async def rpm(process: Process) -> int:
    _, _, options = split(process.argv[1:])
    names = [word for word in process.argv[1:] if not word.startswith("-")]
    table = installed(process)
    code = 0
    for name in sorted(table) if "-qa" in options else names:
        if name in table:
            await say(process, f"{name}-{table[name]}.x86_64")
        else:
            code = 1
            await say(process, f"package {name} is not installed")
    return code


async def unsimulated(process: Process) -> int:
    """What would run code of others is not simulated; it says so."""
    await process.complain("this program is not simulated: containers of minikube_edu run no foreign code")
    return 127
