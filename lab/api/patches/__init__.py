"""What the lab changes in moto, one module a service; see ``lab.api.patching``."""
