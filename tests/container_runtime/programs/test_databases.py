"""Do the database servers and their clients get on, and keep what they were told?"""

from __future__ import annotations

import pytest

from minikube_edu.container_runtime.simulated.filesystem.layer import Entry
from minikube_edu.container_runtime.simulated.programs import guestbook, memcached, mongo, mysql, postgres, redis
from minikube_edu.container_runtime.simulated.programs.sql_core import Tables
from tests.container_runtime.pods import Cluster, pods, until
from tests.container_runtime.world import World


async def redis_pod(cluster: Cluster, *words: str) -> tuple[World, World]:
    server = await cluster.pod("redis", {"redis-server": redis.server}, {"/data/": Entry()})
    server.spawn(["redis-server", *words], cwd="/data", stdin=None)
    await until(lambda: cluster.namespaces["redis"].listening())
    return server, await cluster.pod("client")


@pytest.mark.parametrize(
    ("commands", "answers"),
    [
        ("PING", "PONG"),
        ("SET a 1|GET a|INCR a|INCRBY a 40", "OK|1|2|42"),
        ("GET nothing", ""),
        ("SET a x|INCR a", "OK|ERR value is not an integer or out of range"),
        ("LPUSH l a b|RPUSH l c|LRANGE l 0 -1", "2|3|b\na\nc"),
        ("SADD s x y x|SMEMBERS s", "2|x\ny"),
        ("HSET h f v g w|HGET h g|HGETALL h", "2|w|f\nv\ng\nw"),
        ("SET a 1|LPUSH a 1", "OK|WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("SET k v EX 100|TTL k|PERSIST k|TTL k", "OK|100|1|-1"),
        ("ZADD z 2 b 1 a|ZRANGE z 0 -1 WITHSCORES", "2|a\n1\nb\n2"),
        ("GET", "ERR wrong number of arguments for 'get' command"),
        ("CONFIG GET maxmemory", "maxmemory\n0"),
        ("NOPE x", "ERR unknown command 'NOPE', with args beginning with: 'x' "),
    ],
)
async def test_redis_answers(commands: str, answers: str) -> None:
    async with pods() as cluster:
        _, client = await redis_pod(cluster)
        for command, answer in zip(commands.split("|"), answers.split("|"), strict=True):
            result = await client.run(["redis-cli", "-h", "redis", *command.split()])
            # an error is followed by an empty line where nobody sits at a terminal
            assert result.stdout.decode() == answer + ("\n\n" if answer.startswith(("ERR ", "WRONGTYPE ")) else "\n")


async def test_redis_on_a_terminal_counts_and_quotes() -> None:
    async with pods() as cluster:
        await redis_pod(cluster, "--requirepass", "secret")
        session = (await cluster.pod("shell")).start(["redis-cli", "-h", "redis"])
        await session.expect("redis:6379> ")
        session.type("get a\n")
        await session.expect("(error) NOAUTH Authentication required.")
        session.type('auth secret\nset a "x y"\nget a\nlpush l 1\nget b\nkeys *\n')
        for words in ("OK", "OK", '"x y"', "(integer) 1", "(nil)", '1) "a"', '2) "l"'):
            await session.expect(words)
        session.type("exit\n")
        assert await session.finished() == 0


async def test_redis_expires_publishes_and_keeps_its_dump() -> None:
    async with pods() as cluster:
        server, client = await redis_pod(cluster)
        await client.run(["redis-cli", "-h", "redis", "set", "k", "v", "px", "10"])
        heard = bytearray()
        client.spawn(["redis-cli", "-h", "redis", "subscribe", "news"], stdout=heard, stdin=None)
        await until(lambda: b"subscribe" in heard)
        assert (await client.run(["redis-cli", "-h", "redis", "publish", "news", "hi"])).stdout == b"1\n"
        await until(lambda: b"message\nnews\nhi\n" in heard)
        await client.run(["redis-cli", "-h", "redis", "set", "kept", "yes"])
        await client.run(["redis-cli", "-h", "redis", "shutdown"])
        assert server.read("/data/dump.rdb").startswith(b"REDIS0012")
        server.spawn(["redis-server"], cwd="/data", stdin=None)
        await until(lambda: cluster.namespaces["redis"].listening())
        assert (await client.run(["redis-cli", "-h", "redis", "get", "kept"])).stdout == b"yes\n"
        refused = await client.run(["redis-cli", "-p", "1", "ping"])
        assert refused.stderr == b"Could not connect to Redis at 127.0.0.1:1: Connection refused\n"


async def mysql_pod(cluster: Cluster) -> tuple[World, World]:
    env = {"MYSQL_ROOT_PASSWORD": "pw", "MYSQL_DATABASE": "shop"}
    files = {"/var/lib/mysql/": Entry()}
    server = await cluster.pod("db", {"mysqld": mysql.server, "entrypoint": mysql.entrypoint}, files)
    server.spawn(["entrypoint", "mysqld"], env=env, stdin=None)
    await until(lambda: cluster.namespaces["db"].listening())
    return server, await cluster.pod("client")


async def test_mysql_without_a_password_says_what_it_needs() -> None:
    async with pods() as cluster:
        server = await cluster.pod("db", {"mysqld": mysql.server, "entrypoint": mysql.entrypoint})
        result = await server.run(["entrypoint", "mysqld"])
        assert result.code == 1
        assert (
            b"[ERROR] [Entrypoint]: Database is uninitialized and password option is not specified\n" in result.stderr
        )
        assert b"    - MYSQL_ROOT_PASSWORD\n" in result.stderr


async def test_mysql_makes_tables_and_shows_them() -> None:
    async with pods() as cluster:
        server, client = await mysql_pod(cluster)
        login = ["mysql", "-h", "db", "-uroot", "-ppw"]
        made = await client.run(
            [*login, "shop"],
            stdin=b"CREATE TABLE t (id INT NOT NULL AUTO_INCREMENT,\n name VARCHAR(9), PRIMARY KEY (id)) ENGINE=InnoDB;"
            b"INSERT INTO t (name) VALUES ('one'), ('it''s');\n",
        )
        assert made.code == 0
        plain = await client.run([*login, "-e", "SELECT * FROM shop.t"])
        assert plain.stdout == b"id\tname\n1\tone\n2\tit's\n"
        table = await client.run(
            [*login, "-t", "-e", "use shop; select id, name from t where id = 2; select count(*) from t"]
        )
        assert table.stdout == (
            b"+----+------+\n| id | name |\n+----+------+\n|  2 | it's |\n+----+------+\n"
            b"+----------+\n| count(*) |\n+----------+\n|        2 |\n+----------+\n"
        )
        described = await client.run([*login, "-e", "describe shop.t; show tables from shop", "shop"])
        assert b"id\tint\tNO\tPRI\tNULL\tauto_increment\n" in described.stdout
        databases = await client.run([*login, "-N", "-e", "show databases"])
        assert databases.stdout == b"information_schema\nmysql\nperformance_schema\nshop\nsys\n"
        dump = await client.run(["mysqldump", "-h", "db", "-ppw", "shop"])
        assert b"INSERT INTO `t` VALUES (1,'one'),(2,'it''s');\n" in dump.stdout
        assert server.read("/var/lib/mysql/shop.sqlite").startswith(b"SQLite format 3")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (
            ["-uroot", "-pwrong"],
            "ERROR 1045 (28000): Access denied for user 'root'@'10.244.0.4' (using password: YES)\n",
        ),
        (["-ppw", "nodb"], "ERROR 1049 (42000): Unknown database 'nodb'\n"),
        (["-ppw", "-e", "select * from x"], "ERROR 1046 (3D000) at line 1: No database selected\n"),
        (["-ppw", "shop", "-e", "select * from x"], "ERROR 1146 (42S02) at line 1: Table 'shop.x' doesn't exist\n"),
        (["-ppw", "shop", "-e", "attach database '/etc/passwd' as x"], "ERROR 1227 (42000) at line 1: Access denied"),
    ],
)
async def test_mysql_refuses_in_its_own_words(words: list[str], complaint: str) -> None:
    async with pods() as cluster:
        _, client = await mysql_pod(cluster)
        result = await client.run(["mysql", "-h", "db", *words])
        assert result.code == 1
        assert complaint in result.stderr.decode()


async def test_mysqladmin_pings() -> None:
    async with pods() as cluster:
        _, client = await mysql_pod(cluster)
        assert (await client.run(["mysqladmin", "ping", "-h", "db"])).stdout == b"mysqld is alive\n"
        dead = await client.run(["mysqladmin", "ping", "-h", "127.0.0.1"])
        assert (dead.code, b"connect to server at '127.0.0.1' failed" in dead.stderr) == (1, True)


@pytest.mark.parametrize(
    "sql",
    [
        "ATTACH '/tmp/x.db' AS x",
        "PRAGMA journal_mode=WAL",
        "PRAGMA temp_store_directory='/tmp'",
        "SELECT load_extension('/tmp/x.so')",
        "VACUUM INTO '/tmp/out.db'",
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM r) SELECT count(*) FROM r",
        "SELECT zeroblob(1000000000)",
    ],
)
def test_no_statement_leaves_memory_or_runs_forever(sql: str) -> None:
    import sqlite3

    tables = Tables({})
    with pytest.raises(sqlite3.Error):
        tables.run(sql)
    tables.close()


async def postgres_pod(cluster: Cluster) -> World:
    programs = {"postgres": postgres.server, "entrypoint": postgres.entrypoint}
    server = await cluster.pod("pg", programs, {"/var/lib/postgresql/": Entry()})
    server.spawn(["entrypoint", "postgres"], env={"POSTGRES_PASSWORD": "pw", "POSTGRES_DB": "app"}, stdin=None)
    await until(lambda: cluster.namespaces["pg"].listening())
    return server


async def test_postgres_without_a_password_says_what_it_needs() -> None:
    async with pods() as cluster:
        server = await cluster.pod("pg", {"postgres": postgres.server, "entrypoint": postgres.entrypoint})
        result = await server.run(["entrypoint", "postgres"])
        assert result.code == 1
        assert result.stderr.startswith(b"Error: Database is uninitialized and superuser password is not specified.\n")


async def test_postgres_makes_tables_and_shows_them() -> None:
    async with pods() as cluster:
        server = await postgres_pod(cluster)
        client = await cluster.pod("client")
        psql = ["psql", "-h", "pg", "-U", "postgres", "-d", "app"]
        env = {"PGPASSWORD": "pw"}
        made = await client.run([*psql, "-c", "CREATE TABLE t (id SERIAL PRIMARY KEY, name TEXT)"], env=env)
        assert (made.stdout, made.stderr) == (b"CREATE TABLE\n", b"")
        insert = await client.run([*psql, "-c", "INSERT INTO t (name) VALUES ('a'), ('b')"], env=env)
        assert insert.stdout == b"INSERT 0 2\n"
        select = await client.run([*psql, "-c", "SELECT * FROM t"], env=env)
        assert select.stdout == b" id | name \n----+------\n  1 | a\n  2 | b\n(2 rows)\n\n"
        assert b" public | t    | table | postgres\n" in (await client.run([*psql, "-c", "\\dt"], env=env)).stdout
        assert (await client.run([*psql, "-tAc", "select count(*) from t"], env=env)).stdout == b"2\n"
        wrong = await client.run([*psql, "-c", "select * from absent"], env=env)
        assert (wrong.code, wrong.stderr) == (1, b'ERROR:  relation "absent" does not exist\n')
        denied = await client.run(psql, env={"PGPASSWORD": "no"})
        assert (denied.code, b'FATAL:  password authentication failed for user "postgres"' in denied.stderr) == (
            2,
            True,
        )
        ready = await client.run(["pg_isready", "-h", "pg"])
        assert (ready.code, ready.stdout) == (0, b"pg:5432 - accepting connections\n")
        assert (await client.run(["pg_isready", "-h", "client"])).code == 2
        assert server.read("/var/lib/postgresql/data/app.sqlite").startswith(b"SQLite format 3")


async def test_mongo_keeps_documents() -> None:
    async with pods() as cluster:
        server = await cluster.pod("mongo", {"mongod": mongo.server}, {"/data/db/": Entry()})
        server.spawn(["mongod"], stdin=None)
        await until(lambda: cluster.namespaces["mongo"].listening())
        client = await cluster.pod("client")

        async def evaluate(code: str) -> str:
            result = await client.run(["mongosh", "--host", "mongo", "--quiet", "shop", "--eval", code])
            return (result.stdout + result.stderr).decode()

        assert "acknowledged: true" in await evaluate("db.fruit.insertOne({name: 'apple', n: 3})")
        assert "'1': ObjectId" in await evaluate("db.fruit.insertMany([{name: 'pear', n: 1}, {name: 'fig', n: 9,}])")
        assert await evaluate("db.fruit.countDocuments({n: {$gt: 1}})") == "2\n"
        assert "name: 'pear'" in await evaluate('db.fruit.find({"name": "pear"})')
        assert "deletedCount: 1" in await evaluate("db.fruit.deleteOne({name: 'fig'})")
        assert await evaluate("show collections") == "[ 'fruit' ]\n" or await evaluate("show collections") == "fruit\n"
        assert await evaluate("db.runCommand({ping: 1}).ok") == "1\n"
        assert "is not defined" in await evaluate("nonsense")
        assert b"apple" in server.read("/data/db/minikube-edu.json")


async def test_memcached_speaks_its_text_protocol() -> None:
    async with pods() as cluster:
        server = await cluster.pod("cache", {"memcached": memcached.main})
        server.spawn(["memcached"], stdin=None)
        await until(lambda: cluster.namespaces["cache"].listening())
        client = await cluster.pod("client", busybox=False)
        said = b"set a 0 60 5\r\nhello\r\nget a\r\nincr a 1\r\ndelete a\r\nget a\r\nnope\r\nquit\r\n"
        result = await client.run(["nc", "cache", "11211"], stdin=said)
        assert result.stdout == (
            b"STORED\r\nVALUE a 0 5\r\nhello\r\nEND\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\n"
            b"DELETED\r\nEND\r\nERROR\r\n"
        )


async def test_the_guestbook_writes_into_redis() -> None:
    async with pods() as cluster:
        _, client = await redis_pod(cluster)
        cluster.names["redis-leader.default.svc.cluster.local"] = cluster.ip("redis")
        cluster.names["redis-follower.default.svc.cluster.local"] = cluster.ip("redis")
        web = await cluster.pod("web", {"front": guestbook.main})
        web.spawn(["front"], stdin=None)
        await until(lambda: cluster.namespaces["web"].listening())
        url = "http://web/guestbook.php?cmd="
        assert (
            await client.run(["curl", "-s", f"{url}set&key=messages&value=,hi"])
        ).stdout == b'{"message": "Updated"}'
        assert (await client.run(["curl", "-s", f"{url}get&key=messages"])).stdout == b'{"data": ",hi"}'


async def test_a_long_query_lets_others_ask_meanwhile() -> None:
    endless = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM r) SELECT count(*) FROM r"
    async with pods() as cluster:
        await postgres_pod(cluster)
        client = await cluster.pod("client")
        psql = ["psql", "-h", "pg", "-U", "postgres", "-d"]
        env = {"PGPASSWORD": "pw"}
        long = client.spawn([*psql, "app", "-c", endless], env=env)
        other = await client.run([*psql, "postgres", "-tc", "SELECT 41 + 1"], env=env)
        assert other.stdout.strip() == b"42"
        assert long.status is None
        long.deliver(9)
        await client.machine.ended_of(long)
