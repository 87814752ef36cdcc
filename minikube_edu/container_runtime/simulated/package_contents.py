"""Which commands a distribution's package brings: what `apt-get install`, `apk add` and `dnf install` know.

One table for all: names hardly ever mean different things in different distributions. Only commands that exist in the
table of tools are worth a line; a package without one is in `tools.packages.LIBRARIES`.
"""

from __future__ import annotations

from collections.abc import Mapping

_SAID = """
curl: curl
wget: wget
vim vim-tiny vim-minimal vim-enhanced neovim: vim vi view
nano: nano
procps procps-ng: ps top free pgrep pkill kill uptime w watch sysctl pidof
psmisc: killall
iputils-ping inetutils-ping iputils: ping
iproute2 iproute: ip ss
net-tools: ifconfig netstat route arp
dnsutils bind9-dnsutils bind-tools bind-utils bind9-host host: dig nslookup host
netcat netcat-openbsd netcat-traditional nmap-ncat ncat nc netcat-gnu: nc netcat ncat
telnet inetutils-telnet busybox-extras: telnet
socat: socat
traceroute: traceroute
iputils-tracepath: tracepath
tcpdump: tcpdump
iptables nftables: iptables ip6tables iptables-save
openssh-client openssh-clients openssh openssh-client-default: ssh scp
openssl: openssl
jq: jq
bash: bash
busybox: busybox
coreutils: cat ls cp mv rm mkdir date sleep sort wc head tail
util-linux util-linux-extra: lsblk mount umount nsenter unshare
findutils: find xargs
grep: grep egrep fgrep
sed: sed
gawk mawk awk: awk
tar: tar
gzip: gzip gunzip zcat
zip: zip
unzip: unzip
gettext gettext-base gettext-envsubst: envsubst
bzip2: bzip2 bunzip2 bzcat
xz xz-utils: xz unxz xzcat
less: less
file: file
lsof: lsof
bc: bc dc
dc: dc
make: make
patch: patch
diffutils: diff cmp
bsdmainutils bsdextrautils: column hd
xxd: xxd
cron cronie dcron: cron
passwd shadow shadow-utils: useradd userdel usermod groupadd groupdel
apache2-utils apache2-tools httpd-tools: ab
siege: siege
hey: hey
wrk: wrk
stress: stress
stress-ng: stress-ng
redis redis-tools redis-cli: redis-cli redis-benchmark
mysql-client default-mysql-client mariadb-client mysql mariadb: mysql mysqladmin mysqldump mariadb mariadb-admin
postgresql-client postgresql postgresql-client-16 postgresql16-client: psql pg_dump pg_isready
mongodb-mongosh mongosh: mongosh
sqlite sqlite3: sqlite3
python3 python: python3 python
python3-pip py3-pip: pip pip3
nodejs node: node
npm: npm
perl: perl
ruby: ruby
php php-cli: php
golang golang-go go: go
default-jre default-jdk openjdk-17-jre openjdk-17-jdk openjdk17: java
gcc: gcc
git: git
"""
PACKAGES: Mapping[str, tuple[str, ...]] = {
    name: tuple(commands.split())
    for names, _, commands in (line.partition(":") for line in _SAID.strip().splitlines())
    for name in names.split()
}
