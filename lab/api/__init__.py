"""The emulated AWS API: moto's backends behind a small HTTP server, with the patches of ``lab.api.patches``."""
