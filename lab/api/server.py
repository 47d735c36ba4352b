"""Run the emulated API in the foreground: ``python -m lab.api.server --port 5566``."""

from __future__ import annotations

import os
import sys

# moto reads its settings when it is imported.
os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"  # 1,300 images a region, none of which the lab boots
os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"
# Certificates are issued at once, unless a test wants to see them pending.
os.environ.setdefault("MOTO_ACM_VALIDATION_WAIT", "0")
# Nothing in the emulator may pick up an operator's own AWS settings.
for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"

import argparse  # noqa: E402
import importlib.util  # noqa: E402
import signal  # noqa: E402
import threading  # noqa: E402
from contextlib import suppress  # noqa: E402
from typing import Any  # noqa: E402

from . import patching  # noqa: E402
from .app import Lab  # noqa: E402
from .http import Server  # noqa: E402

# What a run of Terrace uses first; their models take up to half a second each to load.
WARM = ("ec2", "sts", "iam", "kms", "s3", "rds", "elbv2", "autoscaling", "elasticache", "secretsmanager", "route53")


def main(arguments: list[str] | None = None) -> None:
    """Parse the command line, listen, say where, and serve until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=int(os.environ.get("LAB_PORT", "5566")))
    parser.add_argument(
        "--no-patches",
        action="store_true",
        help="moto without what changes its answers, to see whether patches are needed",
    )
    options = parser.parse_args(arguments)
    lab = Lab(patching.apply_all(only_speed=options.no_patches))
    if importlib.util.find_spec("lab.machines.bridge"):
        importlib.import_module("lab.machines.bridge").register(lab)
    server = Server(options.host, options.port, lab)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    os.environ["MOTO_PORT"] = str(server.port)
    print(f"listening on http://{options.host}:{server.port} with {len(lab.patches)} patches", flush=True)
    threading.Thread(target=_warm, args=(lab,), daemon=True).start()
    with suppress(KeyboardInterrupt):
        server.serve_forever()


def _warm(lab: Any) -> None:
    """Load the services most used before somebody waits for them."""
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.core.utils import get_service_model
    from moto.iam.models import iam_backends

    iam_backends[DEFAULT_ACCOUNT_ID]["aws"]
    for service in WARM:
        with lab.moto.lock:
            if service not in lab.moto.app_instances:
                lab.moto.app_instances[service] = lab.moto.create_app(service)
        get_service_model(service)


if __name__ == "__main__":
    main()
