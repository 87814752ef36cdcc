"""The tree of commands. What a command does stands in `commands/`; its long help text in facts/help.txt."""

from __future__ import annotations

from collections.abc import Sequence

from minikube_edu.kubeadm import flag_table as flag
from minikube_edu.kubeadm.command import Command
from minikube_edu.kubeadm.constants import KUBERNETES
from minikube_edu.kubeadm.phases import workflow_tables
from minikube_edu.kubeadm.phases.workflow import Phase
from minikube_edu.lib.pflag import Flag

GLOBAL = (
    Flag(
        "rootfs",
        help="The path to the 'real' host root filesystem. This will cause kubeadm to chroot into the provided path.",
    ),
    Flag("v", "int32", short="v", help="number for the log level verbosity"),
    Flag("vmodule", help="comma-separated list of pattern=N settings for file-filtered logging"),
)
_MORE = (
    Flag("kubeconfig-dir", default=KUBERNETES, help="The path where to save the kubeconfig file."),
    flag.KUBECONFIG,
)


def phase_command(
    workflow: str, module: str, phases: Sequence[Phase], flags: Sequence[Flag], *, arguments: bool = False
) -> Command:
    """`kubeadm WORKFLOW phase …`: a command for every phase, and `all` where a phase has others below it."""
    return Command(
        "phase",
        f'Use this command to invoke single phase of the "{workflow}" workflow',
        subcommands=tuple(_of_phase(one, "", module, flags, arguments) for one in phases if not one.hidden),
    )


def _of_phase(phase: Phase, prefix: str, module: str, flags: Sequence[Flag], arguments: bool) -> Command:
    path = prefix + phase.name
    if not phase.phases:
        return Command(
            phase.name,
            phase.short,
            f"{module}.phase",
            use="[api-server-endpoint] [flags]" if arguments else "[flags]",
            flags=_named(phase.flags, flags),
            arguments=arguments,
            long=phase.long,
            phase=path,
        )
    below = tuple(_of_phase(one, path + "/", module, flags, arguments) for one in phase.phases)
    if len(below) > 1:
        names = tuple(dict.fromkeys(name for one in phase.phases for name in one.flags))
        everything = Command("all", _all_of(phase), f"{module}.phase", flags=_named(names, flags), phase=path)
        below = (everything, *below)
    return Command(phase.name, phase.short, subcommands=below, long=phase.long)


def _all_of(phase: Phase) -> str:
    return {
        "certs": "Generate all certificates",
        "kubeconfig": "Generate all kubeconfig files",
        "control-plane": "Generate all static Pod manifest files",
        "upload-config": "Upload all configuration to a config map",
        "addon": "Install all the addons",
    }.get(phase.name, f"Run all {phase.name} phases")


def _named(names: Sequence[str], flags: Sequence[Flag]) -> tuple[Flag, ...]:
    return tuple(one for one in (*flags, *_MORE) if one.name in names or one is flag.MACHINE)


def _renewals() -> tuple[Command, ...]:
    from minikube_edu.kubeadm.phases.certs import CERTIFICATES
    from minikube_edu.kubeadm.phases.kubeconfig import IDENTITIES

    named = {name: one.long_name for name, one in CERTIFICATES.items() if one.ca}
    named |= {one.file: one.long_name for one in IDENTITIES.values() if one.long_name}
    flags = (flag.SAVE_CERT_DIR, flag.CONFIG, flag.KUBECONFIG)
    found = [
        Command(name, f"Renew the {long}", "certs.renew", flags=flags, phase=name)
        for name, long in sorted(named.items())
    ]
    return (Command("all", "Renew all available certificates", "certs.renew_all", flags=flags), *found)


_IMAGES = (flag.CONFIG, flag.FEATURE_GATES, flag.IMAGE_REPOSITORY, flag.KUBERNETES_VERSION)
_OUTPUT_V = Flag("output", short="o", help="Output format; available options are 'yaml', 'json' and 'short'")
_COMPONENTS = Flag(
    "component-configs",
    "strings",
    help="A comma-separated list for component config API objects to print the default values for. Available values: "
    "[KubeProxyConfiguration KubeletConfiguration]. If this flag is not set, no component configs will be printed.",
)
_EXPERIMENTAL = Flag("allow-experimental-api", "bool", help="Allow validation of experimental, unreleased APIs.")

ROOT = Command(
    "kubeadm",
    bare="help",
    subcommands=(
        Command("alpha", "Kubeadm experimental sub-commands", topic=True, bare="help"),
        Command(
            "certs",
            "Commands related to handling Kubernetes certificates",
            aliases=("certificates",),
            subcommands=(
                Command("certificate-key", "Generate certificate keys", "certs.certificate_key"),
                Command(
                    "check-expiration",
                    "Check certificates expiration for a Kubernetes cluster",
                    "certs.check_expiration",
                    flags=(flag.SAVE_CERT_DIR, flag.CONFIG, flag.KUBECONFIG, *flag.PRINTING),
                    long="Checks expiration for the certificates in the local PKI managed by kubeadm.",
                ),
                Command(
                    "generate-csr",
                    "Generate keys and certificate signing requests",
                    "certs.generate_csr",
                    flags=(
                        Flag("cert-dir", help="The path where to save the certificates"),
                        flag.CONFIG,
                        Flag("kubeconfig-dir", default=KUBERNETES, help="The path where to save the kubeconfig file."),
                    ),
                ),
                Command("renew", "Renew certificates for a Kubernetes cluster", subcommands=_renewals()),
            ),
        ),
        Command(
            "completion",
            "Output shell completion code for the specified shell (bash or zsh)",
            "completion",
            use="SHELL [flags]",
            arguments=True,
        ),
        Command(
            "config",
            "Manage configuration for a kubeadm cluster persisted in a ConfigMap in the cluster",
            persistent=(flag.KUBECONFIG,),
            subcommands=(
                Command(
                    "images",
                    "Interact with container images used by kubeadm",
                    subcommands=(
                        Command(
                            "list",
                            "Print a list of images kubeadm will use. The configuration file is used in case any "
                            "images or image repositories are customized",
                            "config.images_list",
                            flags=(*_IMAGES, *flag.PRINTING),
                        ),
                        Command(
                            "pull",
                            "Pull images used by kubeadm",
                            "config.images_pull",
                            flags=(*_IMAGES, flag.CRI_SOCKET),
                        ),
                    ),
                ),
                Command(
                    "migrate",
                    "Read an older version of the kubeadm configuration API types from a file, and output the similar "
                    "config object for the newer version",
                    "config.migrate",
                    flags=(
                        Flag(
                            "allow-experimental-api", "bool", help="Allow migration to experimental, unreleased APIs."
                        ),
                        Flag(
                            "new-config",
                            help="Path to the resulting equivalent kubeadm config file using the new API version. "
                            "Optional, if not specified output will be sent to STDOUT.",
                        ),
                        Flag(
                            "old-config",
                            help="Path to the kubeadm config file that is using an old API version and should be "
                            "converted. This flag is mandatory.",
                        ),
                    ),
                ),
                Command(
                    "print",
                    "Print configuration",
                    subcommands=tuple(
                        Command(
                            f"{name}-defaults",
                            f"Print default {name} configuration, that can be used for 'kubeadm {name}'",
                            "config.print_defaults",
                            flags=(_COMPONENTS,) if name in ("init", "join") else (),
                            phase=name,
                        )
                        for name in ("init", "join", "reset", "upgrade")
                    ),
                ),
                Command(
                    "validate",
                    "Read a file containing the kubeadm configuration API and report any validation problems",
                    "config.validate",
                    flags=(_EXPERIMENTAL, flag.CONFIG),
                ),
            ),
        ),
        Command("help", "Help about any command"),
        Command(
            "init",
            "Run this command in order to set up the Kubernetes control plane",
            "init",
            flags=flag.INIT,
            subcommands=(phase_command("init", "init", workflow_tables.INIT, flag.INIT),),
        ),
        Command(
            "join",
            "Run this on any machine you wish to join an existing cluster",
            "join",
            use="[api-server-endpoint] [flags]",
            arguments=True,
            flags=flag.JOIN,
            subcommands=(phase_command("join", "join", workflow_tables.JOIN, flag.JOIN, arguments=True),),
        ),
        Command(
            "kubeconfig",
            "Kubeconfig file utilities",
            bare="help",
            long="Kubeconfig file utilities.",
            subcommands=(
                Command(
                    "user",
                    "Output a kubeconfig file for an additional user",
                    "kubeconfig",
                    required=("client-name",),
                    flags=(
                        Flag(
                            "client-name",
                            help="The name of user. It will be used as the CN if client certificates are created",
                        ),
                        flag.CONFIG,
                        Flag(
                            "org",
                            "strings",
                            help="The organizations of the client certificate. It will be used as the O if client "
                            "certificates are created",
                        ),
                        Flag(
                            "token",
                            help="The token that should be used as the authentication mechanism for this kubeconfig, "
                            "instead of client certificates",
                        ),
                        Flag(
                            "validity-period",
                            "duration",
                            default="8760h0m0s",
                            help="The validity period of the client certificate. It is an offset from the current "
                            "time.",
                        ),
                    ),
                ),
            ),
        ),
        Command(
            "reset",
            "Performs a best effort revert of changes made to this host by 'kubeadm init' or 'kubeadm join'",
            "reset",
            flags=flag.RESET,
            arguments=True,
            subcommands=(phase_command("reset", "reset", workflow_tables.RESET, flag.RESET),),
        ),
        Command(
            "token",
            "Manage bootstrap tokens",
            persistent=(
                Flag("dry-run", "bool", help="Whether to enable dry-run mode or not"),
                flag.KUBECONFIG,
            ),
            subcommands=(
                Command(
                    "create",
                    "Create bootstrap tokens on the server",
                    "tokens.create",
                    use="[token]",
                    flags=flag.TOKEN_CREATE,
                    arguments=True,
                ),
                Command(
                    "delete",
                    "Delete bootstrap tokens on the server",
                    "tokens.delete",
                    use="[token-value] ...",
                    arguments=True,
                ),
                Command(
                    "generate",
                    "Generate and print a bootstrap token, but do not create it on the server",
                    "tokens.generate",
                ),
                Command("list", "List bootstrap tokens on the server", "tokens.listing", flags=flag.PRINTING),
            ),
        ),
        Command(
            "upgrade",
            "Upgrade your cluster smoothly to a newer version with this command",
            subcommands=(
                Command(
                    "apply",
                    "Upgrade your Kubernetes cluster to the specified version",
                    "upgrade.apply",
                    use="[version]",
                    arguments=True,
                    flags=flag.UPGRADE_APPLY,
                    subcommands=(phase_command("apply", "upgrade", workflow_tables.UPGRADE_APPLY, flag.UPGRADE_APPLY),),
                ),
                Command(
                    "diff",
                    "Show what differences would be applied to existing static pod manifests. See also: kubeadm "
                    "upgrade apply --dry-run",
                    "upgrade.diff",
                    use="[version] [flags]",
                    arguments=True,
                    flags=(
                        flag.CONFIG,
                        Flag(
                            "context-lines", "int", short="c", default=3, help="How many lines of context in the diff"
                        ),
                        flag.KUBECONFIG,
                    ),
                ),
                Command(
                    "node",
                    "Upgrade commands for a node in the cluster",
                    "upgrade.node",
                    flags=flag.UPGRADE_NODE,
                    subcommands=(
                        phase_command("node", "upgrade_node", workflow_tables.UPGRADE_NODE, flag.UPGRADE_NODE),
                    ),
                ),
                Command(
                    "plan",
                    "Check which versions are available to upgrade to and validate whether your current cluster is "
                    "upgradeable.",
                    "upgrade.plan",
                    use="[version] [flags]",
                    arguments=True,
                    flags=flag.UPGRADE_PLAN,
                ),
            ),
        ),
        Command("version", "Print the version of kubeadm", "version", flags=(_OUTPUT_V,)),
    ),
)
