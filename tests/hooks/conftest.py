"""Which tests of this directory are collected: those whose tools are installed."""

from __future__ import annotations

import nodetools

collect_ignore = nodetools.absent_of("hooks")
