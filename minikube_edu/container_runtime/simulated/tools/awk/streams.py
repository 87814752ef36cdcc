"""awk's files and pipes: opened by their first use, open until close() or the end."""

from __future__ import annotations

from minikube_edu.container_runtime.simulated.contract import OpenFile, Process, Status, reason
from minikube_edu.container_runtime.simulated.tools.awk.records import Records
from minikube_edu.container_runtime.simulated.tools.awk.values import Fatal
from minikube_edu.container_runtime.simulated.tools.streams import Output


class Streams:
    def __init__(self, process: Process) -> None:
        self.process = process
        self.stdout = Output(process.stdout)
        self.outputs: dict[str, tuple[Output, OpenFile, Process | None]] = {}
        self.inputs: dict[str, tuple[Records, OpenFile, Process | None]] = {}

    async def output(self, kind: str, name: str) -> Output:
        if name in self.outputs:
            return self.outputs[name][0]
        if kind != "|" and name in ("/dev/stdout", "-"):
            return self.stdout
        if not name:
            raise Fatal("expression for `>' redirection has null string value")
        child: Process | None = None
        if kind == "|":
            await self.flush()
            reader, file = self.process.pipe()
            child = self.shell(name, 0, reader)
            reader.release()
        elif name == "/dev/stderr":
            file = self.process.stderr.retain()
        else:
            try:
                file = self.process.open(name, "w" if kind == ">" else "a")
            except OSError as error:
                raise Fatal(f"can't redirect to {name} ({reason(error)})") from None
        output = Output(file)
        self.outputs[name] = (output, file, child)
        return output

    async def input(self, kind: str, name: str) -> Records | None:
        """None: it cannot be opened."""
        if name in self.inputs:
            return self.inputs[name][0]
        child: Process | None = None
        if kind == "|":
            await self.flush()
            file, writer = self.process.pipe()
            child = self.shell(name, 1, writer)
            writer.release()
        elif name in ("-", "/dev/stdin"):
            file = self.process.stdin.retain()
        else:
            try:
                file = self.process.open(name)
            except OSError:
                return None
        records = Records(self.process, file)
        self.inputs[name] = (records, file, child)
        return records

    def shell(self, command: str, descriptor: int, file: OpenFile) -> Process:
        files = {**self.process.files, descriptor: file}
        return self.process.spawn(["sh", "-c", command], files=files)

    async def system(self, command: str) -> float:
        await self.flush()
        child = self.process.spawn(["sh", "-c", command])
        return exit_value((await self.process.wait(child))[1])

    async def close(self, name: str) -> float:
        result = -1.0
        if name in self.outputs:
            output, file, child = self.outputs.pop(name)
            await output.flush()
            file.release()
            result = 0.0
            if child is not None:
                result = exit_value((await self.process.wait(child))[1])
        if name in self.inputs:
            _, file, child = self.inputs.pop(name)
            file.release()
            result = 0.0
            if child is not None:
                result = exit_value((await self.process.wait(child))[1])
        return result

    async def flush(self) -> None:
        await self.stdout.flush()
        for output, _, _ in self.outputs.values():
            await output.flush()

    async def finish(self) -> None:
        await self.stdout.flush()
        for name in [*self.outputs, *self.inputs]:
            await self.close(name)


def exit_value(status: Status) -> float:
    return float(256 + status.signal if status.signal else status.code)
