"""RDS: parameter and subnet groups."""

from __future__ import annotations

from typing import Any

from lab.api import postgres_parameters
from lab.api.patching import patch
from lab.api.wrapping import method, wrap

API = "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/"


@patch(
    moto="DescribeDBParameters lists only what was changed, without type or source; any name may be set",
    aws="lists every parameter of the family with value, source, type and allowed values, in pages; an unknown name is"
    " refused",
    document=API + "API_DescribeDBParameters.html",
)
def parameters() -> None:
    from moto.core.responses import ActionResult
    from moto.rds.exceptions import DBParameterGroupNotFoundError, RDSClientError
    from moto.rds.models import RDSBackend
    from moto.rds.responses import RDSResponse

    @wrap(RDSResponse, "describe_db_parameters")
    def describe(original: Any, self: Any) -> Any:
        name = self.params.get("DBParameterGroupName")
        group = _group(self.backend, name)
        if not group.family.startswith("postgres"):
            return original(self)
        shown = [
            postgres_parameters.described(key, group.parameters.get(key)) for key in postgres_parameters.PARAMETERS
        ]
        if source := self.params.get("Source"):
            shown = [p for p in shown if p["Source"] == source]
        size, start = int(self.params.get("MaxRecords") or 100), int(self.params.get("Marker") or 0)
        following = str(start + size) if start + size < len(shown) else None
        return ActionResult({"Parameters": shown[start : start + size], "Marker": following})

    @wrap(RDSBackend, "modify_db_parameter_group")
    def modify(original: Any, self: Any, db_parameter_group_name: str, db_parameter_group_parameters: Any) -> Any:
        group = _group(self, db_parameter_group_name)
        wanted = [dict(p) for p in db_parameter_group_parameters]
        if group.family.startswith("postgres"):
            for parameter in wanted:
                name = parameter["ParameterName"]
                if name not in postgres_parameters.PARAMETERS:
                    message = f"Could not find parameter with name: {name}"
                    raise RDSClientError("InvalidParameterValue", message)
                static = postgres_parameters.PARAMETERS[name][1] == "static"
                if static and parameter.get("ApplyMethod") == "immediate":
                    message = "cannot use immediate apply method for static parameter"
                    raise RDSClientError("InvalidParameterCombination", message)
        return original(self, db_parameter_group_name, wanted)

    @wrap(RDSBackend, "describe_db_parameter_groups")
    def groups(original: Any, self: Any, options: Any) -> Any:
        found = original(self, options)
        if options.get("db_parameter_group_name") and not found:
            raise DBParameterGroupNotFoundError(options["db_parameter_group_name"])
        return found


def _group(backend: Any, name: str) -> Any:
    """Return a parameter group; the default group of a PostgreSQL family comes into being when it is asked for."""
    from moto.rds.exceptions import DBParameterGroupNotFoundError
    from moto.rds.models import DBParameterGroup

    key = (name or "").lower()
    if key not in backend.db_parameter_groups and key.startswith("default.postgres"):
        family = key.removeprefix("default.")
        description = f"Default parameter group for {family}"
        backend.db_parameter_groups[key] = DBParameterGroup(backend, key, description, family)
    if key not in backend.db_parameter_groups:
        raise DBParameterGroupNotFoundError(name)
    return backend.db_parameter_groups[key]


@patch(
    moto="has no ResetDBParameterGroup",
    aws="sets the named parameters, or all, back to their defaults",
    document=API + "API_ResetDBParameterGroup.html",
)
def parameter_reset() -> None:
    from moto.rds.responses import RDSResponse

    from lab.api.wrapping import response_method

    @response_method(RDSResponse, "backend")
    def reset_db_parameter_group(backend: Any, params: Any) -> dict[str, Any]:
        group = _group(backend, params["DBParameterGroupName"])
        if params.get("ResetAllParameters"):
            group.parameters.clear()
        for parameter in params.get("Parameters") or []:
            group.parameters.pop(parameter["ParameterName"], None)
        return {"DBParameterGroupName": group.name}


@patch(
    moto="ModifyDBSubnetGroup removes the group; creating one that exists replaces it",
    aws="changes the group; DBSubnetGroupAlreadyExists",
    document=API + "API_ModifyDBSubnetGroup.html",
)
def subnet_group_change() -> None:
    from moto.rds.exceptions import DBSubnetGroupNotFoundError, RDSClientError
    from moto.rds.models import RDSBackend

    @method(RDSBackend)
    def modify_db_subnet_group(self: Any, subnet_name: str, description: str | None, subnets: list[Any]) -> Any:
        group = self.subnet_groups.get(subnet_name)
        if group is None:
            raise DBSubnetGroupNotFoundError(subnet_name)
        group.subnets = subnets
        if description is not None:
            group.description = description
        return group

    @wrap(RDSBackend, "create_subnet_group")
    def create(original: Any, self: Any, subnet_name: str, *args: Any, **kwargs: Any) -> Any:
        if subnet_name.lower() in self.subnet_groups:
            raise RDSClientError("DBSubnetGroupAlreadyExists", f"The DB subnet group '{subnet_name}' already exists.")
        return original(self, subnet_name.lower(), *args, **kwargs)


@patch(
    moto="deletes subnet and parameter groups that are in use",
    aws="answers InvalidDBSubnetGroupStateFault and InvalidDBParameterGroupState",
    document=API + "API_DeleteDBSubnetGroup.html",
)
def groups_in_use() -> None:
    from moto.rds.exceptions import RDSClientError
    from moto.rds.models import RDSBackend

    @wrap(RDSBackend, "delete_subnet_group")
    def delete_subnets(original: Any, self: Any, subnet_name: str) -> Any:
        for database in self.databases.values():
            if getattr(database, "_db_subnet_group_name", None) == subnet_name:
                message = (
                    f"Cannot delete the subnet group '{subnet_name}' because at least one database instance: "
                    f"{database.db_instance_identifier} is still using it."
                )
                raise RDSClientError("InvalidDBSubnetGroupStateFault", message)
        return original(self, subnet_name)

    @wrap(RDSBackend, "delete_db_parameter_group")
    def delete_parameters(original: Any, self: Any, db_parameter_group_name: str) -> Any:
        for database in self.databases.values():
            if database.db_parameter_group_name == db_parameter_group_name:
                message = f"One or more database instances are still members of the group {db_parameter_group_name}"
                raise RDSClientError("InvalidDBParameterGroupState", message)
        return original(self, db_parameter_group_name)
