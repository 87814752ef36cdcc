"""The commands of `databases`: name -> "module:function", the module below `simulated` (or its full name)."""

from __future__ import annotations

TABLE: dict[str, str] = {
    "mariadb": "programs.mysql:client",
    "mariadb-admin": "programs.mysql:admin",
    "mariadb-dump": "programs.mysql:dump",
    "mongosh": "programs.mongo:shell",
    "mysql": "programs.mysql:client",
    "mysqladmin": "programs.mysql:admin",
    "mysqldump": "programs.mysql:dump",
    "pg_dump": "programs.postgres:dump",
    "pg_isready": "programs.postgres:ready",
    "psql": "programs.postgres:client",
    "redis-benchmark": "programs.redis:cli",
    "redis-cli": "programs.redis:cli",
    "sqlite3": "programs.sqlite:sqlite3_",
}
