"""kubectl's flags are pflag's: see `lib.pflag`."""

from minikube_edu.lib.pflag import Flag, FlagError, HelpWanted, Values, boolean, parse, without_flags

__all__ = ["Flag", "FlagError", "HelpWanted", "Values", "boolean", "parse", "without_flags"]
