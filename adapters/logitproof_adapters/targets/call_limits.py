"""How long a call, a start and an end may take, and after how many deaths in a row a target is given up.

`link` ends a process that hangs, as `hang_detection` decides; `remote_adapter` starts the next one.
"""

from __future__ import annotations

PATIENCE_SECONDS = 300.0
"""How long a call to a framework may take, unless ``--patience`` says otherwise."""

START_SECONDS = 300.0
"""How long an interpreter may take to start, and a framework to be imported; under an emulator that is minutes."""

GRACE_SECONDS = 5.0
"""How long a process may take to end by itself: after its pipe is closed, or to print where it hangs."""

WATCHDOG = 20
"""How many times as long as a call may take the evaluator waits before it ends itself: behind a remote shell the judge
cannot end it, and does not know how busy that machine is."""

MOST_DEATHS = 5
"""Deaths in a row, without an answer in between, after which a target is given up: each restart costs an import."""
