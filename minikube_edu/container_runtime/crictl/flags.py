"""crictl's command line: which commands there are, their flags, and how they are read.

Flags may stand before the arguments only, as in the real one: what follows `exec ID` belongs to the command.
"""

from __future__ import annotations

from msgspec import Struct, field


class UsageError(Exception):
    pass


class Command(Struct, frozen=True):
    name: str
    usage: str
    flags: str = ""  # `name,n=` takes a value, `all,a` is a switch
    aliases: tuple[str, ...] = ()
    arguments: str = ""

    def names(self) -> tuple[str, ...]:
        return (self.name, *self.aliases)


OUTPUT = "output,o="
COMMANDS = (
    Command("attach", "Attach to a running container", "tty,t stdin,i", arguments="CONTAINER-ID"),
    Command("config", "Get, set and list crictl configuration options", "get= set= list,l"),
    Command("exec", "Run a command in a running container", "sync,s timeout= tty,t interactive,i quiet,q",
            arguments="CONTAINER-ID COMMAND [ARG...]"),
    Command("images", "List images", f"quiet,q verbose,v digests no-trunc {OUTPUT}", ("image", "img"),
            "[REPOSITORY[:TAG]]"),
    Command("inspect", "Display the status of one or more containers", f"quiet,q {OUTPUT}",
            arguments="CONTAINER-ID..."),
    Command("inspecti", "Return the status of one or more images", f"quiet,q {OUTPUT}", arguments="IMAGE-ID..."),
    Command("imagefsinfo", "Return image filesystem info", OUTPUT),
    Command("inspectp", "Display the status of one or more pods", f"quiet,q {OUTPUT}", arguments="POD-ID..."),
    Command("info", "Display information of the container runtime", f"quiet,q {OUTPUT}"),
    Command("logs", "Fetch the logs of a container", "follow,f tail= since= timestamps,t previous,p",
            arguments="CONTAINER-ID"),
    Command("ps", "List containers", "all,a quiet,q latest,l last,n= name= state,s= pod,p= namespace= image= label= "
            f"id= no-trunc resolve-image-path,r verbose,v {OUTPUT}"),
    Command("pods", "List pods", "quiet,q latest,l last,n= name= namespace= state,s= label= id= no-trunc verbose,v "
            f"{OUTPUT}"),
    Command("port-forward", "Forward local port to a pod", arguments="POD-ID [LOCAL_PORT:]REMOTE_PORT"),
    Command("pull", "Pull an image from a registry", "creds= auth= quiet,q", arguments="NAME[:TAG|@DIGEST]"),
    Command("rm", "Remove one or more containers", "force,f all,a", arguments="CONTAINER-ID..."),
    Command("rmi", "Remove one or more images", "all,a prune,q", arguments="IMAGE-ID..."),
    Command("rmp", "Remove one or more pods", "force,f all,a", arguments="POD-ID..."),
    Command("start", "Start one or more created containers", arguments="CONTAINER-ID..."),
    Command("stats", "List container(s) resource usage statistics",
            f"all,a id= pod,p= label= seconds,s= watch,w {OUTPUT}", arguments="[ID]"),
    Command("statsp", "List pod statistics", f"id= label= seconds,s= watch,w {OUTPUT}", arguments="[ID]"),
    Command("stop", "Stop one or more running containers", "timeout,t=", arguments="CONTAINER-ID..."),
    Command("stopp", "Stop one or more running pods", arguments="POD-ID..."),
    Command("version", "Display runtime version information"),
)  # fmt: skip
GLOBAL = "config,c= debug,D image-endpoint,i= runtime-endpoint,r= timeout,t= help,h version,v"


class Given(Struct):
    flags: dict[str, str] = field(default_factory=dict)
    arguments: list[str] = field(default_factory=list)

    def has(self, name: str) -> bool:
        return name in self.flags

    def get(self, name: str, default: str = "") -> str:
        return self.flags.get(name, default)


def read(words: list[str], table: str) -> Given:
    """Flags up to the first word that is none; the rest are arguments."""
    takes: dict[str, tuple[str, bool]] = {}
    for entry in table.split():
        names, equals, _ = entry.partition("=")
        full = names.split(",")[0]
        for name in names.split(","):
            takes[name] = (full, bool(equals))
    given, left = Given(), list(words)
    while left:
        word = left[0]
        if word == "--":
            left.pop(0)
            break
        if not word.startswith("-") or word == "-":
            break
        left.pop(0)
        name, equals, value = word.lstrip("-").partition("=")
        if not word.startswith("--") and name not in takes and all(letter in takes for letter in name):
            left[:0] = [f"-{letter}" for letter in name]  # -it
            continue
        if name in ("h", "help"):
            given.flags["help"] = "true"
            continue
        if name not in takes:
            raise UsageError(f"flag provided but not defined: -{name}")
        full, wants = takes[name]
        if wants and not equals:
            if not left:
                raise UsageError(f"flag needs an argument: -{name}")
            value = left.pop(0)
        if full == "label" and full in given.flags:
            value = f"{given.flags[full]},{value}"
        given.flags[full] = value if wants else (value or "true")
    given.arguments = left
    return given


def find(name: str) -> Command | None:
    return next((command for command in COMMANDS if name in command.names()), None)


def help_text(command: Command | None = None) -> str:
    if command is not None:
        options = [
            ", ".join(("--" if len(one) > 1 else "-") + one for one in entry.removesuffix("=").split(","))
            for entry in command.flags.split()
        ]
        lines = [f"NAME:\n   crictl {command.name} - {command.usage}\n"]
        lines.append(f"USAGE:\n   crictl {command.name} [command options] {command.arguments}".rstrip() + "\n")
        return "\n".join([*lines, "OPTIONS:", *(f"   {option}" for option in options), "   --help, -h", ""])
    width = max(len(", ".join(command.names())) for command in COMMANDS) + 2
    rows = [f"   {', '.join(command.names()):<{width}}{command.usage}" for command in COMMANDS]
    usage = "crictl [global options] command [command options]"
    head = f"NAME:\n   crictl - client for CRI\n\nUSAGE:\n   {usage}\n\nCOMMANDS:\n"
    return head + "\n".join(rows) + "\n"
