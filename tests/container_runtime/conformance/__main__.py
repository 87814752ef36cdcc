"""`record` asks the references and writes down their answers; `run` shows where ours differ."""

from __future__ import annotations

import asyncio
import sys

from tests.container_runtime.conformance import ours, references
from tests.container_runtime.conformance.cases import SHELLS, load, recorded, subjects, write_recorded, write_versions


def record(chosen: list[str]) -> None:
    write_versions({shell: references.version(shell) for shell in SHELLS})
    for subject in chosen:
        before = recorded(subject)
        answers = {}
        for case in load(subject):
            answers[case.name] = {
                shell: references.ask(case, shell).shown(case)
                if references.program(shell)
                else before.get(case.name, {}).get(shell, {})
                for shell in case.shells
            }
        write_recorded(subject, answers)
        print(f"{subject}: {len(answers)} cases")


def run(chosen: list[str]) -> int:
    different = total = 0
    for subject in chosen:
        wanted = recorded(subject)
        for case in load(subject):
            for shell in case.shells:
                total += 1
                expected = wanted.get(case.name, {}).get(shell)
                try:
                    got: object = asyncio.run(ours.answer(case, shell)).shown(case)
                except Exception as error:  # a fault of ours is a difference as well
                    got = repr(error)
                if got != expected:
                    different += 1
                    print(f"--- {subject}: {case.name} [{shell}]\n{case.script.rstrip()}")
                    print(f"    real: {expected}\n    ours: {got}")
    print(f"{total} compared, {different} different")
    return int(different > 0)


if __name__ == "__main__":
    action, names = sys.argv[1], sys.argv[2:] or subjects()
    if action == "record":
        record(names)
    else:
        sys.exit(run(names))
