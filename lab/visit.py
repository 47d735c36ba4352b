"""``python -m lab visit``: use the deployed application as a visitor would, and look for the row in PostgreSQL.

The visitor comes from this machine over HTTPS to a public load balancer and trusts nothing but the certificate that balancer
is meant to have. The row is then looked for by another way: with psycopg, inside the VPC, as the database's owner.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from typing import Any

import boto3

from . import process

#: The sample application's own words (lab/sample_app).
PATH, TABLE = "/notes", "notes"
SECONDS = 10


def visit() -> int:
    """Leave a note at every public balancer that speaks HTTPS; 0 when each came back and is in a database."""
    from lab.machines import overview

    state = process.running()
    if not state:
        raise process.LabError("nothing runs; start it with: python -m lab up --level machines")
    machines = overview.collect(process.state_dir())["machines"]
    balancers = [each for each in machines if each["kind"] == "balancer" and "https://" in each["details"]]
    if not balancers:
        raise process.LabError("no public load balancer speaks HTTPS; provision a cell first")
    return 1 if [each for each in balancers if not _visited(state["url"], each, machines)] else 0


def _visited(url: str, balancer: dict[str, Any], machines: list[dict[str, Any]]) -> bool:
    text = f"left by a visitor at {time.strftime('%H:%M:%S')}"
    region = balancer["region"]
    domain, trusted = _certificate(url, region, balancer["name"])
    try:
        status, made = _asked(balancer["public"], domain, trusted, "POST", {"text": text})
        print(f"visit: POST https://{domain}{PATH} at {balancer['public']}: {status} {made}")
        status, again = _asked(balancer["public"], domain, trusted, "GET", path=f"{PATH}/{made.get('id')}")
        print(f"visit: GET https://{domain}{PATH}/{made.get('id')}: {status} {again}")
    except (OSError, ValueError, http.client.HTTPException) as error:
        print(f"visit: https://{domain}{PATH} at {balancer['public']}: {error}")
        return False
    rows = [row for each in machines if each["kind"] == "database" for row in _rows(url, each, text)]
    print("visit: in PostgreSQL: " + ("; ".join(rows) or "no such row"))
    return status == 200 and again.get("text") == text and bool(rows)


def _certificate(url: str, region: str, balancer: str) -> tuple[str, str]:
    """The domain of a balancer's HTTPS listener and what vouches for it, PEM."""
    elb, acm = (client(url, region, service) for service in ("elbv2", "acm"))
    arn = elb.describe_load_balancers(Names=[balancer])["LoadBalancers"][0]["LoadBalancerArn"]
    listeners = elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]
    certificate = next(each["Certificates"][0]["CertificateArn"] for each in listeners if each["Protocol"] == "HTTPS")
    described = acm.describe_certificate(CertificateArn=certificate)["Certificate"]
    if described["Type"] == "IMPORTED":
        return described["DomainName"], acm.get_certificate(CertificateArn=certificate)["Certificate"]
    return described["DomainName"], (process.state_dir() / "authority/ca.pem").read_text()


def client(url: str, region: str, service: str) -> Any:
    """A boto3 client of the lab."""
    keys = {"aws_access_key_id": "lab", "aws_secret_access_key": "lab"}
    return boto3.client(service, region_name=region, endpoint_url=url, **keys)


def _asked(
    address: str, domain: str, trusted: str, method: str, data: Any = None, path: str = PATH
) -> tuple[int, dict[str, Any]]:
    """One request to the balancer's address for the domain's name."""
    context = ssl.create_default_context(cadata=trusted)
    connection = http.client.HTTPSConnection(domain, timeout=SECONDS, context=context)
    connection.sock = context.wrap_socket(
        socket.create_connection((address, 443), timeout=SECONDS), server_hostname=domain
    )
    try:
        body = None if data is None else json.dumps(data)
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
    finally:
        connection.close()
    if answer.status >= 300:
        raise ValueError(f"{answer.status} {text[:200].strip()}")
    return answer.status, json.loads(text)


def _rows(url: str, database: dict[str, Any], text: str) -> list[str]:
    """Rows with the text in any database of an instance, each as a sentence."""
    query = f"SELECT id, text, created FROM {TABLE} WHERE text = %s"  # noqa: S608 - a constant
    return [f"{database['name']}/{name}: {row}" for name, row in _asked_for(url, database, query, (text,))]


def texts(url: str, database: dict[str, Any]) -> set[str]:
    """All texts in any database of an instance."""
    return {text for _name, (text,) in _asked_for(url, database, f"SELECT text FROM {TABLE}", ())}  # noqa: S608 - a constant


def _asked_for(url: str, database: dict[str, Any], query: str, values: tuple[str, ...]) -> list[tuple[str, Any]]:
    """The rows that a query finds in those databases of an instance that have the table, with the database's name."""
    import psycopg

    from lab.machines.network import vpc_namespace
    from lab.machines.util import inside

    region = database["region"]
    found = client(url, region, "rds").describe_db_instances(DBInstanceIdentifier=database["name"])["DBInstances"][0]
    login = {"host": database["address"], "port": found["Endpoint"]["Port"], "user": found["MasterUsername"]}
    # A pair's secret is called, and tagged, as the cell in which it was made first.
    passwords = _passwords(url, region, found["MasterUsername"])
    rows = []
    with inside(vpc_namespace(database["vpc"])):
        for password in passwords:
            try:
                with psycopg.connect(**login, password=password, dbname="postgres", connect_timeout=SECONDS) as there:
                    names = [name for (name,) in there.execute("SELECT datname FROM pg_database WHERE datallowconn")]
                login["password"] = password
                break
            except psycopg.OperationalError:
                continue
        else:
            raise process.LabError(f"{database['name']}: no secret of {region} opens it")
        for name in names:
            with psycopg.connect(**login, dbname=name, connect_timeout=SECONDS) as there:
                if not there.execute("SELECT to_regclass(%s)", (TABLE,)).fetchone()[0]:
                    continue
                rows += [(name, row) for row in there.execute(query, values).fetchall()]
    return rows


def _passwords(url: str, region: str, user: str) -> list[str]:
    """What a region's secrets say a user signs in with."""
    manager = client(url, region, "secretsmanager")
    found = manager.batch_get_secret_value(Filters=[{"Key": "tag-key", "Values": ["terrace:cell"]}])["SecretValues"]
    secrets = (json.loads(each["SecretString"]) for each in found)
    return [secret["password"] for secret in secrets if secret.get("username") == user]
