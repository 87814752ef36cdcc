"""The commands of `system`: name -> "module:function", the module below `simulated` (or its full name)."""

from __future__ import annotations

TABLE: dict[str, str] = {
    "arch": "tools.machine:arch",
    "cal": "tools.date:cal",
    "date": "tools.date:date",
    "dmesg": "tools.machine:dmesg",
    "env": "tools.waiting:env",
    "free": "tools.machine:free",
    "hostname": "tools.machine:hostname",
    "kill": "tools.signals:kill",
    "killall": "tools.signals:killall",
    "lsof": "tools.machine:lsof",
    "nice": "tools.waiting:nice",
    "nohup": "tools.waiting:nohup",
    "nproc": "tools.machine:nproc",
    "pgrep": "tools.signals:pgrep",
    "pidof": "tools.signals:pidof",
    "pkill": "tools.signals:pkill",
    "printenv": "tools.waiting:printenv",
    "ps": "tools.ps:ps",
    "setsid": "tools.waiting:setsid",
    "sleep": "tools.waiting:sleep",
    "sysctl": "tools.machine:sysctl",
    "time": "tools.waiting:time",
    "timeout": "tools.waiting:timeout",
    "uname": "tools.machine:uname",
    "uptime": "tools.machine:uptime",
    "usleep": "tools.waiting:usleep",
    "watch": "tools.waiting:watch",
}
