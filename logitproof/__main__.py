"""``python -m logitproof`` is the command line."""

from __future__ import annotations

import sys

from logitproof.commands.command_line import main

sys.exit(main())
