"""Private mail servers for tests: a real Dovecot, a real Postfix, certificates; all in a folder that goes away.

    with dovecot() as mailboxes:                                  # any user name exists; the password is PASSWORD
        mailboxes.deliver("anna", raw, at=moment, folder="Junk")  # by APPEND, stamped `at`; makes the folder
        mailboxes.messages("anna"); mailboxes.flags("anna"); mailboxes.client("anna")
        mailboxes.stop(); mailboxes.start(); mailboxes.restart(); mailboxes.log()
        mailboxes.count_anew("anna")                              # a new UIDVALIDITY, as after a rebuild

    with dovecot() as mailboxes, postfix(
        mailboxes,
        domains=["shop.example", "inn.example"],                  # each recipient there is a mailbox of its own,
        recipients=["info@shop.example"],                         # or only these (others: 550 at RCPT)
        catch_all={"inbox.example": "probe@mail.test"},           # everything for this domain goes to one mailbox
        bounces={"gone@inn.example": "5.1.1 no such user"},       # accepted first, bounced by a true DSN after
    ) as mta:
        mta.port; mta.log(); mta.queue(); mta.flush(); mta.restart()

The user of a mailbox behind Postfix is its whole address, such as "info@shop.example" or "probe@mail.test". Mail to
info+x@shop.example arrives in the mailbox without the plus part.
A server that is not installed skips the test with the reason, and fails it under UNANSWERED_REQUIRE_SERVERS=1.
"""

from __future__ import annotations

import grp
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import imapclient
import pytest

PASSWORD = "correct-horse"
T = TypeVar("T")

_SBIN = "/usr/sbin:/usr/lib/dovecot:/usr/lib/postfix/sbin:/sbin"


# --------------------------------------------------------------------------- small helpers
def need(program: str, package: str) -> str:
    """The path of a program; without it the test is skipped, or fails where servers are required."""
    found = shutil.which(program, path=os.environ.get("PATH", "") + ":" + _SBIN)
    return found or lacking(f"{program} is not installed (Debian package {package})")


def lacking(reason: str) -> Any:
    """Skips the test for want of a server, or fails it under UNANSWERED_REQUIRE_SERVERS=1."""
    if os.environ.get("UNANSWERED_REQUIRE_SERVERS") == "1":
        pytest.fail(f"a real server is required here: {reason}", pytrace=False)
    pytest.skip(reason)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now.

    Not one that the system hands out for connections: a server that is restarted would find it taken.
    """
    while True:
        port = secrets.choice(range(12_000, 32_000))
        with socket.socket() as sock, suppress(OSError):
            sock.bind(("127.0.0.1", port))
            return port


def eventually(ask: Callable[[], T], what: str, seconds: float = 20.0) -> T:
    """Waits until `ask` gives something true, and returns it; fails naming `what` when it does not."""
    until = time.monotonic() + seconds
    while True:
        found = ask()
        if found:
            return found
        if time.monotonic() > until:
            pytest.fail(f"waited {seconds:g} s in vain: {what}")
        time.sleep(0.02)


def greets(port: int, word: bytes) -> bool:
    """Whether a server on 127.0.0.1 says `word` when it is called."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as sock:
            return word in sock.recv(512)
    except OSError:
        return False


@contextmanager
def server_folder(name: str) -> Iterator[Path]:
    """A folder that servers under other users can enter; short, since it holds Unix sockets."""
    path = Path(tempfile.mkdtemp(prefix=f"ua-{name}-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _spawn(base: Path, *command: str | Path, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Runs a server in a session of its own, which ends with it, and with the tests (the pipe closes then)."""
    with (base / "stderr").open("ab") as stderr:
        return subprocess.Popen(
            ["/bin/sh", "-c", '("$@"; kill -9 0) & read -r _; kill -9 0', "sh", *command],
            env={**os.environ, **(env or {})},
            stdin=subprocess.PIPE,
            stdout=stderr,
            stderr=stderr,
            start_new_session=True,
        )


def _end_session(process: subprocess.Popen[bytes] | None) -> None:
    """Kills a server and all its children, which would outlive it, and waits until they are gone."""
    if process is None:
        return
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert process.stdin is not None
    process.stdin.close()
    eventually(lambda: not _running(process.pid), "the processes of a server are gone")


def _running(group: int) -> bool:
    """Whether a process of this group still runs; one that only waits to be reaped does not."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, its_group = path.read_text(errors="replace").rpartition(")")[2].split()[:3]
            if int(its_group) == group and state not in "ZX":
                return True
    return False


# --------------------------------------------------------------------------- certificates
@dataclass(frozen=True)
class Authority:
    """A certificate authority of our own; `ca` is its certificate."""

    folder: Path

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    def issue(self, name: str) -> tuple[Path, Path]:
        """Certificate and key of a server called `name` (or 127.0.0.1)."""
        cert, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        kind = "IP" if name.replace(".", "").isdigit() else "DNS"
        request, extension = self.folder / "request.csr", self.folder / "extension.cnf"
        extension.write_text(f"subjectAltName={kind}:{name}\n")
        _openssl(
            "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request, "-subj", f"/CN={name}"
        )
        _openssl(
            "x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.folder / "ca.key", "-CAcreateserial",
            "-out", cert, "-days", "2", "-extfile", extension,
        )  # fmt: skip
        key.chmod(0o600)
        return cert, key


def authority(folder: Path) -> Authority:
    """Makes a certificate authority with the `openssl` command."""
    made = Authority(folder)
    _openssl(
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / "ca.key", "-out", made.ca, "-days", "2",
        "-subj", "/CN=test authority", "-addext", "keyUsage=critical,keyCertSign",
    )  # fmt: skip
    return made


def _openssl(*args: str | Path) -> None:
    program = need("openssl", "openssl")
    subprocess.run([program, *map(str, args)], check=True, capture_output=True, timeout=60)


# --------------------------------------------------------------------------- Dovecot
_DOVECOT = """\
base_dir = {base}/run
state_dir = {base}/state
instance_name = unanswered-{port}
log_path = {base}/dovecot.log
protocols = imap lmtp
listen = 127.0.0.1
disable_plaintext_auth = no
auth_mechanisms = plain login{mechanisms}
auth_username_format = %Lu
auth_verbose = yes
auth_failure_delay = 0 secs
default_login_user = {login_user}
default_internal_user = {internal_user}
default_internal_group = {internal_group}
first_valid_uid = 0
mail_location = maildir:{base}/mail/%u
mail_uid = {mail_user}
mail_gid = {mail_group}
mail_max_userip_connections = 100
recipient_delimiter = +
{tls}
{oauth}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={mail_user} gid={mail_group} home={base}/mail/%u allow_all_users=yes
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Junk {{
    auto = {junk}
    special_use = \\Junk
  }}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp_port}
  }}
}}
service auth {{
  unix_listener {base}/auth-client {{
    mode = 0666
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
protocol lmtp {{
  auth_username_format = %Lu
}}
"""


@dataclass
class Dovecot:
    """A running Dovecot; see the module for its verbs."""

    base: Path
    port: int
    lmtp_port: int
    tls_port: int
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)

    # ------------------------------------------------------------------ running it
    def start(self) -> None:
        program = need("dovecot", "dovecot-imapd")
        process = self._process = _spawn(self.base, program, "-F", "-c", self.base / "dovecot.conf")
        eventually(lambda: process.poll() is not None or greets(self.port, b"* OK"), "dovecot answers")
        if process.poll() is not None:
            pytest.fail(f"dovecot does not start: {(self.base / 'stderr').read_text(errors='replace')}\n{self.log()}")

    def stop(self) -> None:
        """Ends it and every process it started: connections are cut."""
        _end_session(self._process)
        self._process = None
        (self.base / "run" / "master.pid").unlink(missing_ok=True)

    def restart(self) -> None:
        self.stop()
        self.start()

    def log(self) -> str:
        path = self.base / "dovecot.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def says_goodbye(self, user: str) -> None:
        """Sends the user's sessions away with a BYE; the server stays and takes new ones."""
        program = need("doveadm", "dovecot-core")
        subprocess.run([program, "-c", self.base / "dovecot.conf", "kick", user], check=True, capture_output=True)

    # ------------------------------------------------------------------ mailboxes
    @contextmanager
    def client(self, user: str) -> Iterator[imapclient.IMAPClient]:
        """A logged-in imapclient connection of the user."""
        with imapclient.IMAPClient("127.0.0.1", port=self.port, ssl=False, timeout=30) as client:
            client.normalise_times = False
            client.login(user, PASSWORD)
            yield client

    def deliver(self, user: str, *raws: bytes, at: datetime | None = None, folder: str = "INBOX") -> None:
        """Puts messages into a folder, stamped `at` (aware; default: now; Dovecot takes the future for now)."""
        with self.client(user) as client:
            if folder != "INBOX" and not client.folder_exists(folder):
                client.create_folder(folder)
            for raw in raws:
                client.append(folder, raw, msg_time=at)

    def messages(self, user: str, folder: str = "INBOX") -> list[bytes]:
        """The raw messages of a folder, oldest first; leaves no trace."""
        with self.client(user) as client:
            if not client.folder_exists(folder):
                return []
            client.select_folder(folder, readonly=True)
            found = client.fetch(client.search(), ["BODY.PEEK[]"])
            return [bytes(found[uid][b"BODY[]"]) for uid in sorted(found)]

    def flags(self, user: str, folder: str = "INBOX") -> list[tuple[bytes, ...]]:
        """The flags of each message of a folder but \\Recent, oldest first."""
        with self.client(user) as client:
            client.select_folder(folder, readonly=True)
            found = client.fetch(client.search(), ["FLAGS"])
            return [tuple(flag for flag in found[uid][b"FLAGS"] if flag != b"\\Recent") for uid in sorted(found)]

    def delete(self, user: str, *uids: int, folder: str = "INBOX") -> None:
        """Removes messages for good."""
        with self.client(user) as client:
            client.select_folder(folder)
            client.delete_messages(uids)
            client.expunge()

    def count_anew(self, user: str) -> None:
        """Makes the server forget the UIDs of a user's folders: UIDVALIDITY changes, messages stay."""
        with self.client(user) as client:
            validity = client.select_folder("INBOX", readonly=True)[b"UIDVALIDITY"]
        eventually(lambda: time.time() >= validity + 1, "the second that gave the UIDVALIDITY is over")
        for path in (self.base / "mail" / user.lower()).rglob("dovecot*"):
            if path.is_file():
                path.unlink()


@contextmanager
def dovecot(
    *,
    tls: tuple[Path, Path] | None = None,
    oauth2_key: bytes | None = None,
    junk_folder: bool = False,
    extra: str = "",
) -> Iterator[Dovecot]:
    """A Dovecot on free ports of 127.0.0.1. Any user exists; the password is PASSWORD.

    `tls`: certificate and key; then STARTTLS is offered and `tls_port` speaks TLS. `oauth2_key`: tokens are JWT signed
    by HS256 with this key. `junk_folder`: every user has a folder Junk from the start. `extra`: further lines of its
    configuration.
    """
    need("dovecot", "dovecot-imapd")
    need("lmtp", "dovecot-lmtpd")
    with server_folder("dovecot") as base:
        made = Dovecot(base, free_port(), free_port(), free_port() if tls else 0)
        (base / "dovecot.conf").write_text(_dovecot_config(made, tls, oauth2_key, junk_folder=junk_folder) + extra)
        mail = base / "mail"
        mail.mkdir()
        if os.geteuid() == 0:
            os.chown(mail, pwd.getpwnam("nobody").pw_uid, grp.getgrnam("nogroup").gr_gid)
        try:
            made.start()
            yield made
        finally:
            made.stop()


def _dovecot_config(made: Dovecot, tls: tuple[Path, Path] | None, key: bytes | None, *, junk_folder: bool) -> str:
    root = os.geteuid() == 0
    me, my_group = pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name
    oauth = ""
    if key is not None:
        keys = made.base / "keys" / "default" / "HS256"
        keys.mkdir(parents=True)
        import base64

        (keys / "default").write_text(base64.b64encode(key).decode())
        (made.base / "oauth2.conf").write_text(
            f"introspection_mode = local\nlocal_validation_key_dict = fs:posix:prefix={made.base}/keys/\n"
        )
        oauth = (
            f"passdb {{\n  driver = oauth2\n  mechanisms = xoauth2 oauthbearer\n  args = {made.base}/oauth2.conf\n}}"
        )
    return _DOVECOT.format(
        base=made.base,
        port=made.port,
        lmtp_port=made.lmtp_port,
        tls_port=made.tls_port,
        login_user="dovenull" if root else me,
        internal_user="dovecot" if root else me,
        internal_group="dovecot" if root else my_group,
        mail_user="nobody" if root else me,
        mail_group="nogroup" if root else my_group,
        mechanisms=" xoauth2 oauthbearer" if key is not None else "",
        tls=f"ssl = yes\nssl_cert = <{tls[0]}\nssl_key = <{tls[1]}" if tls else "ssl = no",
        oauth=oauth,
        junk="create" if junk_folder else "no",
        password=PASSWORD,
    )


# --------------------------------------------------------------------------- Postfix
_MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {base}/spool
data_directory = {base}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {base}/mail.log
maillog_file_prefixes = {base}
syslog_name = unanswered
myhostname = mx.unanswered.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtputf8_enable = yes
recipient_delimiter = +
local_recipient_maps =
alias_maps =
alias_database =
virtual_mailbox_domains = texthash:{base}/domains
virtual_mailbox_maps = {recipients}
virtual_alias_maps = regexp:{base}/catch_all
virtual_transport = lmtp:inet:127.0.0.1:{lmtp_port}
transport_maps = texthash:{base}/transport
default_transport = error:5.4.4 a test server sends nothing to the world
relay_transport = error:5.4.4 a test server sends nothing to the world
smtp_host_lookup = native
smtp_dns_support_level = disabled
lmtp_host_lookup = native
lmtp_destination_recipient_limit = 1
lmtp_tls_security_level = none
smtpd_relay_restrictions = {allowed}, reject
smtpd_recipient_restrictions =
smtpd_client_connection_count_limit = 0
smtpd_peername_lookup = no
smtpd_error_sleep_time = 0
smtpd_delay_reject = yes
strict_rfc821_envelopes = no
message_size_limit = {size_limit}
virtual_mailbox_limit = 0
mailbox_size_limit = 0
maximal_queue_lifetime = 1h
bounce_queue_lifetime = 1h
minimal_backoff_time = 1s
maximal_backoff_time = 5s
queue_run_delay = 1s
in_flow_delay = 0
{tls}
{auth}
{extra}
"""

_MASTER_CF = """\
{port} inet n - n - {processes} smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
later unix - n n - - pipe flags= user=nobody argv={base}/later ${{nexthop}}
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
lmtp unix - - n - {processes} lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


@dataclass
class Postfix:
    """A running Postfix; see the module for its verbs."""

    base: Path
    port: int
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)

    def start(self) -> None:
        master = need("master", "postfix")
        etc = self.base / "etc"
        process = self._process = _spawn(self.base, master, "-c", etc, "-d", env={"MAIL_CONFIG": str(etc)})
        eventually(lambda: process.poll() is not None or greets(self.port, b"220"), "postfix answers")
        if process.poll() is not None:
            pytest.fail(f"postfix does not start: {(self.base / 'stderr').read_text(errors='replace')}\n{self.log()}")

    def stop(self) -> None:
        """Ends it and every process it started; its queue stands a kill."""
        _end_session(self._process)
        self._process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def log(self) -> str:
        path = self.base / "mail.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def queue(self) -> list[str]:
        """One JSON line for each message that waits."""
        found = subprocess.run(
            [need("postqueue", "postfix"), "-c", self.base / "etc", "-j"], capture_output=True, timeout=30, check=True
        )
        return found.stdout.decode().splitlines()

    def flush(self) -> None:
        """Tries everything that waits again now."""
        program = need("postqueue", "postfix")
        subprocess.run([program, "-c", self.base / "etc", "-f"], capture_output=True, timeout=30, check=True)

    def settle(self, seconds: float = 60.0) -> None:
        """Waits until nothing waits any more: all delivered or bounced."""
        eventually(lambda: not self.queue(), "postfix has delivered everything", seconds)


@contextmanager
def postfix(
    mailboxes: Dovecot,
    *,
    domains: Iterable[str] = (),
    recipients: Iterable[str] | None = None,
    catch_all: Mapping[str, str] | None = None,
    bounces: Mapping[str, str] | None = None,
    tls: tuple[Path, Path] | None = None,
    auth: bool = False,
    size_limit: int = 67_108_864,
    processes: int = 20,
    extra: str = "",
) -> Iterator[Postfix]:
    """A Postfix on a free port of 127.0.0.1 that delivers to `mailboxes` by LMTP and nowhere else. Needs root.

    `auth`: only those who log in (any user, PASSWORD) may send on. `extra`: further lines for main.cf.
    """
    need("postfix", "postfix")
    if os.geteuid() != 0:
        lacking("postfix needs root to run privately")
    with server_folder("postfix") as base, ExitStack() as stack:
        made = Postfix(base, free_port())
        _write_postfix_files(base, domains, recipients, catch_all or {}, bounces or {})
        etc = base / "etc"
        (etc / "main.cf").write_text(
            _MAIN_CF.format(
                base=base,
                lmtp_port=mailboxes.lmtp_port,
                recipients="static:ok" if recipients is None else f"texthash:{base}/recipients",
                allowed="permit_sasl_authenticated" if auth else "permit_mynetworks",
                size_limit=size_limit,
                tls=(
                    f"smtpd_tls_security_level = may\nsmtpd_tls_cert_file = {tls[0]}\nsmtpd_tls_key_file = {tls[1]}"
                    if tls
                    else ""
                ),
                auth=(
                    "smtpd_sasl_auth_enable = yes\nsmtpd_sasl_type = dovecot\n"
                    f"smtpd_sasl_path = {mailboxes.base}/auth-client"
                    if auth
                    else ""
                ),
                extra=extra,
            )
        )
        (etc / "master.cf").write_text(_MASTER_CF.format(base=base, port=f"127.0.0.1:{made.port}", processes=processes))
        stack.callback(made.stop)
        made.start()
        yield made


def _write_postfix_files(
    base: Path,
    domains: Iterable[str],
    recipients: Iterable[str] | None,
    catch_all: Mapping[str, str],
    bounces: Mapping[str, str],
) -> None:
    for name in ("etc", "spool", "data"):
        (base / name).mkdir()
    user, drop = pwd.getpwnam("postfix"), grp.getgrnam("postdrop")
    os.chown(base / "data", user.pw_uid, user.pw_gid)
    (base / "spool" / "pid").mkdir()
    for name in (
        "active",
        "bounce",
        "corrupt",
        "defer",
        "deferred",
        "flush",
        "hold",
        "incoming",
        "private",
        "saved",
        "trace",
    ):
        (base / "spool" / name).mkdir(mode=0o700)
        os.chown(base / "spool" / name, user.pw_uid, user.pw_gid)
    for name, mode in (("maildrop", 0o730), ("public", 0o710)):
        (base / "spool" / name).mkdir()
        os.chown(base / "spool" / name, user.pw_uid, drop.gr_gid)
        (base / "spool" / name).chmod(mode)
    known = {domain.lower() for domain in domains} | {address.rpartition("@")[2] for address in bounces} | {"mail.test"}
    (base / "domains").write_text("".join(f"{domain} ok\n" for domain in sorted(known | set(catch_all))))
    listed = list(recipients or ()) + list(bounces)
    everything = [f"@{domain}" for domain in (*catch_all, "mail.test")]
    (base / "recipients").write_text("".join(f"{address.lower()} ok\n" for address in listed + everything))
    (base / "catch_all").write_text(
        "".join(f"/^.*@{domain.replace('.', '[.]')}$/ {user}\n" for domain, user in catch_all.items())
    )
    # What is routed to `error` is refused at RCPT already; what a program refuses was accepted, and bounces after.
    (base / "later").write_text('#!/bin/sh\necho "$1"\nexit 69\n')
    (base / "later").chmod(0o755)
    (base / "transport").write_text("".join(f"{address} later:{reason}\n" for address, reason in bounces.items()))
