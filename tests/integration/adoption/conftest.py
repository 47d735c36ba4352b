"""The fixtures of the three-tier tests: an emulated API of the module's own, and someone who runs the playbooks against it."""

from tests.integration.three_tier.conftest import api, operator

__all__ = ["api", "operator"]
