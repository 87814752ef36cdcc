"""What images run: servers and demonstration programs, one file each.

Every program is `async def main(process: Process) -> int`. The image catalogue names them as `module:function`. HTTP
servers share `http_serving`; each server ends as the real one does when a signal arrives.
"""
