"""What does a start cost? Counted in modules, which do not vary with the machine, in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "minikube_edu"
HEAVY = {"rich", "sqlite_utils", "grpc", "google", "lightkube", "yaml", "prometheus_client", "kubernetes", "hypothesis"}
SEATS = [path.parent.name for path in sorted(PACKAGE.glob("*/__main__.py"))]


def loaded(code: str, directory: Path | None = None) -> set[str]:
    """The modules that are loaded once the code has run."""
    ending = "\nimport sys; print('\\n' + ' '.join(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", code + ending],
        capture_output=True,
        text=True,
        cwd=directory or ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    return set(result.stdout.rsplit("\n", 2)[-2].split())


def tops(modules: set[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules}


def test_importing_the_package_imports_nothing_else() -> None:
    gained = loaded("import minikube_edu") - loaded("pass")
    assert gained == {"minikube_edu"}


def test_help_needs_the_command_line_and_no_more() -> None:
    """Typer brings what it needs; of ours, the front door and the words of the command line."""
    code = "import sys; sys.argv = ['minikube-edu', '--help']\nfrom minikube_edu.__main__ import main\n"
    modules = loaded(code + "try:\n    main()\nexcept SystemExit:\n    pass")
    own = {name for name in modules if name.startswith("minikube_edu.")}
    door = ("__main__", "cli", "cluster", "lib")
    assert {name.split(".")[1] for name in own} <= set(door)
    assert {name for name in own if name.startswith("minikube_edu.lib.")} <= {
        name for name in own if name.startswith("minikube_edu.lib.machine")
    }
    assert len(own) < 16, sorted(own)
    assert not tops(modules) & (HEAVY - {"rich"})  # Typer prints its help with Rich
    assert not modules & {"asyncio", "ssl", "sqlite3"}


@pytest.mark.parametrize("seat", SEATS)
def test_a_seat_loads_nothing_heavy_before_it_is_needed(seat: str) -> None:
    code = f"import importlib.util\nimport minikube_edu.{seat}.__main__\n"
    code += f"if importlib.util.find_spec('minikube_edu.{seat}.running'):\n    import minikube_edu.{seat}.running"
    modules = loaded(code)
    assert not tops(modules) & (HEAVY | {"typer", "cryptography"})


def test_an_api_server_that_starts_again_loads_nothing_heavy(tmp_path: Path) -> None:
    """All the way until it serves, on the embedded store and with the certificates of its first start."""
    code = """
import asyncio
from minikube_edu.kube_apiserver.flags import parser
from minikube_edu.kube_apiserver.running import start

async def once():
    flags = ["--secure-port=0", "--cert-dir=pki", "--data-file=state.db", "--unsafe-no-fsync"]
    running = await start(parser().parse_args(flags))
    await asyncio.sleep(0.05)
    await running.stop(0)

asyncio.run(once())
"""
    loaded(code, tmp_path)
    modules = loaded(code, tmp_path)
    assert not tops(modules) & (HEAVY | {"typer", "cryptography"})
    assert len(modules) < 480, len(modules)


def test_typer_and_rich_are_for_the_command_line() -> None:
    allowed = ("cli.py", "kubeadm", "kubectl", "learn")
    found = [
        str(path.relative_to(PACKAGE))
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.relative_to(PACKAGE).parts[0] not in allowed
        and re.search(r"^\s*(import|from) (typer|rich)\b", path.read_text(), re.MULTILINE)
    ]
    assert not found


def test_time_and_chance_come_from_lib_alone() -> None:
    """One clock and one generator, or nothing can be repeated. `secrets` is for what nobody may guess; who supervises
    real processes waits for them in real time."""
    asking = re.compile(
        r"\b(time\.(time|monotonic|perf_counter)|datetime\.(utc)?now|uuid\.uuid\d|(?<!\.)random\.\w+)\("
    )
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        place = path.relative_to(PACKAGE)
        if str(place) not in ("lib/clock.py", "lib/ids.py", "testing/virtual_time.py") and place.parts[0] != "cluster":
            found += [
                (str(place), one[0])
                for one in asking.finditer(re.sub(r'""".*?"""', "", path.read_text(), flags=re.DOTALL))
            ]
    assert not found
