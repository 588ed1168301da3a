"""The mailbox of the sandbox: pymap's in-memory IMAP server on a free loopback port, as a process of its own.

    python -m probes.sandbox.imapd USER      reads the password from the first line of standard input

It prints the port it listens on and serves until its standard input is closed, so it ends with the process that
started it, however that ends. Needs the extra `demo`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from argparse import ArgumentParser

HOSTNAME = "mail.sandbox.test"


async def serve(user: str, password: str) -> None:
    """Serve one mailbox until standard input ends."""
    from proxyprotocol.reader import ProxyProtocolReader
    from pymap.backend.dict import DictBackend
    from pymap.imap import IMAPServer, IMAPService
    from pysasl.hashing import Cleartext

    # pymap asks the resolver for this machine's name at each greeting unless it is told one
    os.environ["FQDN"] = HOSTNAME
    parser = ArgumentParser()
    parser.set_defaults(debug=False, passlib_cfg=None)
    DictBackend.add_subparser("dict", parser.add_subparsers())
    IMAPService.add_arguments(parser)
    # written with "=": a password may begin with a dash
    arguments = parser.parse_args(["--no-tls", "dict", f"--demo-user={user}", f"--demo-password={password}"])
    # half a million rounds of hashing at each log-in protect nobody here
    backend, config = await DictBackend.init(arguments, hash_context=Cleartext())
    config.apply_context()
    # pymap's own service does not tell which port it was given
    connected = ProxyProtocolReader(config.proxy_protocol).get_callback(IMAPServer(backend.login, config))
    server = await asyncio.start_server(connected, host="127.0.0.1", port=0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - the parent reads it
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


def main() -> None:
    logging.basicConfig(level=logging.WARNING)
    password = sys.stdin.readline().rstrip("\n")
    asyncio.run(serve(sys.argv[1], password))


if __name__ == "__main__":
    main()
