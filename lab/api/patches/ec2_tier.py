"""EC2: launch templates lose old versions."""

from __future__ import annotations

from typing import Any

from lab.api.patching import patch
from lab.api.wrapping import method, response_method


@patch(
    moto="has no DeleteLaunchTemplateVersions",
    aws="deletes the versions named, but not the default one; the numbers of the others stay",
    document="https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteLaunchTemplateVersions.html",
)
def launch_template_version_deletion() -> None:
    from moto.ec2.exceptions import InvalidLaunchTemplateVersionNotFound
    from moto.ec2.models.launch_templates import LaunchTemplate, LaunchTemplateVersion
    from moto.ec2.responses.launch_templates import LaunchTemplates

    @method(LaunchTemplate)
    def create_version(self: Any, data: dict[str, Any], description: str) -> Any:
        last = max([each.number for each in self.versions], default=0)
        version = LaunchTemplateVersion(self, last + 1, data, description)
        self.versions.append(version)
        return version

    @method(LaunchTemplate)
    def get_version(self: Any, num: Any) -> Any:
        wanted = str(num).lower()
        if wanted == "$latest":
            return self.versions[-1]
        number = self.default_version_number if wanted == "$default" else int(num)
        for version in self.versions:
            if version.number == number:
                return version
        raise InvalidLaunchTemplateVersionNotFound(template_id=self.id, version=num)

    @method(LaunchTemplate)
    def default_version(self: Any) -> Any:
        return self.get_version("$default")

    @response_method(LaunchTemplates, "ec2_backend")
    def delete_launch_template_versions(backend: Any, params: Any) -> dict[str, Any]:
        name, ident = params.get("LaunchTemplateName"), params.get("LaunchTemplateId")
        template = backend.get_launch_template(ident) if ident else backend.get_launch_template_by_name(name)
        gone, kept = [], []
        for asked in params.get("Versions") or params.get("LaunchTemplateVersion") or []:
            entry = {"LaunchTemplateId": template.id, "LaunchTemplateName": template.name, "VersionNumber": int(asked)}
            found = [version for version in template.versions if version.number == int(asked)]
            if found and not template.is_default(found[0]):
                template.versions.remove(found[0])
                gone.append(entry)
            else:
                code = "launchTemplateVersionDoesNotExist" if not found else "unexpectedError"
                error = {"Code": code, "Message": f"The version {asked} cannot be deleted."}
                kept.append({**entry, "ResponseError": error})
        return {
            "SuccessfullyDeletedLaunchTemplateVersions": gone,
            "UnsuccessfullyDeletedLaunchTemplateVersions": kept,
        }
