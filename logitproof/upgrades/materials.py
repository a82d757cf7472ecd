"""The packages of an environment as a CycloneDX document (https://cyclonedx.org/specification/overview/)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from logitproof_reports.runs.environment import package_version

if TYPE_CHECKING:
    from logitproof.environments.resolver import Locked


def bill_of_materials(locked: Locked) -> str:
    """Return the packages of a lock as a CycloneDX document."""
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "tools": {
                "components": [
                    {"type": "application", "name": "logitproof", "version": package_version("logitproof")},
                ]
            },
            "component": {"type": "platform", "name": "python", "version": locked.python},
        },
        "components": [
            {"type": "library", "name": name, "version": version, "purl": f"pkg:pypi/{name}@{version}"}
            for name, version in locked.packages.items()
        ],
    }
    return json.dumps(document, indent=2) + "\n"
