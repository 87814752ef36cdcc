"""The commands of `databases`: name -> "module:function", the module below `simulated` (or its full name)."""

from __future__ import annotations

TABLE: dict[str, str] = {
    "mariadb": "programs.mysql:client",
    "mariadb-admin": "programs.mysql:admin",
    "mariadb-dump": "programs.mysql:dump",
    "mysql": "programs.mysql:client",
    "mysqladmin": "programs.mysql:admin",
    "mysqldump": "programs.mysql:dump",
    "redis-benchmark": "programs.redis:cli",
    "redis-cli": "programs.redis:cli",
}
