# Two commands: `make demo` runs the main job, `make test` passes the tests. Each does all its own set-up.

PY := .venv/bin/python
SERVERS := dovecot-imapd dovecot-lmtpd postfix chromium

help:  ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort

.PHONY: help demo test check bench
