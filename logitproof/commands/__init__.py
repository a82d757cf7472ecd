"""The commands, one module per topic; importing one adds its commands to the application, in this order."""

from logitproof.commands import running  # isort: skip
from logitproof.commands import reading  # isort: skip
from logitproof.commands import checking  # isort: skip
from logitproof.commands import comparing  # isort: skip
from logitproof.commands import sweeping  # isort: skip
from logitproof.commands import searching  # isort: skip
from logitproof.commands import upgrading  # isort: skip
from logitproof.commands import claiming  # isort: skip
from logitproof.commands import listing  # isort: skip

__all__ = ["checking", "claiming", "comparing", "listing", "reading", "running", "searching", "sweeping", "upgrading"]
