"""Serving: the command that is a relay until somebody ends it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from envoy.cli.args import Answer, Call
from envoy.cli.render import json_line, line, plain, screen_of
from envoy.cli.write import relay
from envoy.wiring import serving
from envoy.wiring.serving import Serving


def serve(call: Call) -> Iterable[Answer]:
    """Run a relay. Its one line is written when it answers, from inside; nothing follows it."""

    def ready(found: Serving) -> None:
        if not call.config.quiet:
            sys.stdout.write(told(found, as_json=call.config.json))
            sys.stdout.flush()

    serving.run(relay.settings(call), is_unsafe=call.args.switch("unsafe"), ready=ready)
    return ()


def told(found: Serving, *, as_json: bool) -> str:
    """Return where a relay is, on one line."""
    if as_json:
        data: dict[str, object] = {
            "url": found.origin,
            "pin": found.pin,
            "uri": found.uri,
            "provider": found.provider,
            "unsafe": found.is_unsafe,
        }
        return json_line("relay_serving", data)
    pin = "" if found.pin is None else f"  pin {found.pin}"
    asks = "" if found.provider == "none" else "  by access code"
    block = line(f"relay at {found.origin}{pin}{asks}")
    return plain([block], screen_of(sys.stdout, os.environ)._replace(columns=None))
