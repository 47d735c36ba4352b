# Copyright: The Terrace developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run modules on the controller in children of a process that has everything imported already."""

from __future__ import annotations

DOCUMENTATION = r"""
name: warm
short_description: run modules on the controller, forked from a process that has their libraries loaded
version_added: 0.1.0
author:
  - The Terrace developers (@terrace)
description:
  - Does what P(ansible.builtin.local#connection) does, with the same results, but a Python module is not given to a new
    Python each time. It is given to a child of a I(warm process), which has C(ansible.module_utils), boto3, botocore's
    service models and the module utilities of the collections in memory already. A call of an C(amazon.aws) module then
    costs about a tenth of the CPU time.
  - Anything that is no Python module sent through a pipe (commands of M(ansible.builtin.raw), file transfers,
    modules in other languages, C(become)) is run by P(ansible.builtin.local#connection) itself.
  - With C(async) both the C(async_wrapper) and the module are run warm.
  - When a call cannot be run warm, it is run by P(ansible.builtin.local#connection), and C(-v) says why. This is decided
    before the module starts; no module is ever run twice. If the warm process is killed while a module runs, the module
    is killed with it and the task fails as it would for a killed module.
  - The first task of a run starts the warm process, which takes a second or two. There is one for each interpreter,
    user, and environment that matters when Python starts (C(PYTHON*), C(LC_*), C(LD_*) and others). It ends some time
    after the runs that use it.
options:
  pipelining:
    description:
      - Only modules sent through a pipe can be run warm. Without it this plugin is the same as
        P(ansible.builtin.local#connection).
    type: boolean
    default: true
    env:
      - name: ANSIBLE_WARM_PIPELINING
    ini:
      - section: warm_connection
        key: pipelining
    vars:
      - name: ansible_pipelining
      - name: ansible_warm_pipelining
  enabled:
    description: When false, every call is run by P(ansible.builtin.local#connection).
    type: boolean
    default: true
    env:
      - name: ANSIBLE_WARM_ENABLED
    ini:
      - section: warm_connection
        key: enabled
    vars:
      - name: ansible_warm_enabled
  preload:
    description:
      - What may be loaded beforehand. A group is loaded when the first module that wants it comes by.
      - V(aws) is boto3, botocore and the module utilities of C(amazon.aws), C(community.aws) and C(terrace.aws).
      - V(kubernetes) is the Kubernetes client and the module utilities of C(kubernetes.core).
      - V(postgresql) is psycopg and the module utilities of C(community.postgresql).
    type: list
    elements: string
    choices: [aws, kubernetes, postgresql]
    default: [aws, kubernetes, postgresql]
    env:
      - name: ANSIBLE_WARM_PRELOAD
    ini:
      - section: warm_connection
        key: preload
    vars:
      - name: ansible_warm_preload
  preload_modules:
    description:
      - Further Python modules to import at the start, for instance C(requests). One that cannot be imported is passed over.
    type: list
    elements: string
    default: []
    env:
      - name: ANSIBLE_WARM_PRELOAD_MODULES
    ini:
      - section: warm_connection
        key: preload_modules
    vars:
      - name: ansible_warm_preload_modules
  directory:
    description:
      - Directory for the sockets. It must belong to the user who runs Ansible and be closed to all others (mode C(0700));
        its parent must exist. At most 75 characters.
      - By default C(terrace-warm) below C($XDG_RUNTIME_DIR) or C(/run/user/UID), otherwise C(terrace-warm-UID) in
        C(/dev/shm), C($TMPDIR) or C(/tmp).
    type: path
    env:
      - name: ANSIBLE_WARM_DIRECTORY
    ini:
      - section: warm_connection
        key: directory
    vars:
      - name: ansible_warm_directory
  idle_timeout:
    description: Seconds without a call after which the warm process ends, even while a run that used it goes on.
    type: int
    default: 600
    env:
      - name: ANSIBLE_WARM_IDLE_TIMEOUT
    ini:
      - section: warm_connection
        key: idle_timeout
    vars:
      - name: ansible_warm_idle_timeout
  linger:
    description:
      - Seconds for which the warm process waits for another run when all runs that used it have ended. Useful when
        playbooks are started one after the other.
    type: int
    default: 0
    env:
      - name: ANSIBLE_WARM_LINGER
    ini:
      - section: warm_connection
        key: linger
    vars:
      - name: ansible_warm_linger
  start_timeout:
    description: Seconds to wait for the warm process to start or to take a call, before the call is run by
      P(ansible.builtin.local#connection).
    type: int
    default: 60
    env:
      - name: ANSIBLE_WARM_START_TIMEOUT
    ini:
      - section: warm_connection
        key: start_timeout
    vars:
      - name: ansible_warm_start_timeout
  become_success_timeout:
    description: Seconds to wait for become to succeed. Values below 1 mean the default.
    type: int
    default: 10
    vars:
      - name: ansible_local_become_success_timeout
  become_strip_preamble:
    description: Strip what become prints before the command starts. Disable for additional diagnostics.
    type: bool
    default: true
    vars:
      - name: ansible_local_become_strip_preamble
notes:
  - The remote user is ignored, the user with which the ansible CLI was executed is used instead.
  - The implicit C(localhost) always has C(ansible_connection=local). Put a real host into the inventory and give it
    C(ansible_connection=terrace.aws.warm).
  - B(Security.) The socket lies in a directory that only the user can enter, and each side asks the kernel for the
    other's user id before it says anything. Who is the same user, or root, can use the warm process, and could run the
    same modules without it. Parameters and secrets travel through the socket into memory and are on no command line and
    no disk; each call has a process of its own, so nothing of one module is left for the next. The code of a payload is
    kept in anonymous memory.
  - Linux only. Elsewhere every call is run by P(ansible.builtin.local#connection).
seealso:
  - plugin: ansible.builtin.local
    plugin_type: connection
"""

EXAMPLES = r"""
# In an inventory: a host that stands for an environment in the cloud, managed from the controller.
all:
  hosts:
    production:
      ansible_connection: terrace.aws.warm
      ansible_python_interpreter: "{{ ansible_playbook_python }}"
"""

import contextlib  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402

from ansible import constants as C  # noqa: E402
from ansible.plugins.connection.local import Connection as LocalConnection  # noqa: E402
from ansible.utils.display import Display  # noqa: E402

if sys.platform == "linux":
    from ansible_collections.terrace.aws.plugins.module_utils.warm import client, command, launch
else:
    client = None

display = Display()


class Connection(LocalConnection):
    """`local`, with pipelined Python modules run by children of a warm process."""

    # What Ansible compares with 'local' (the working directory of tasks, the reboot module) is meant for this one too.
    transport = "local"

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        """Run a command; warm, if it is a pipelined Python module, otherwise as `local` does."""
        taken, payload = None, in_data
        if client and self.get_option("enabled"):
            taken = command.recognise(cmd, in_data)
            if not taken and (job := command.recognise_job(cmd, in_data)):
                taken, payload = job
        if taken is None:
            return super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        self._connect()
        try:
            result = self._run_warm(taken, payload)
        except command.Unavailable as ex:
            self._say(f"not run warm: {ex}")
            return super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        if result.cpu is None:
            self._say("the warm process died while the module ran; the module was killed with it and is not run again")
        for note in result.notes:
            display.vvvv(f"WARM {note}", host=self._play_context.remote_addr)
        told = f"WARM pid {result.pid} rc {result.returncode} cpu {result.cpu}{' forked ahead' if result.ahead else ''}"
        display.vvv(told, host=self._play_context.remote_addr)
        return result.returncode, result.stdout, result.stderr

    def announce(self, interpreter: str, environment: dict[str, str], payload: bytes) -> None:
        """Get the warm process ready for a module that is going to be called, and start it if there is none; wait for that.

        For who knows before Ansible what comes. When it fails nothing is lost: the call does what it needs itself.
        """
        if client is None or not self.get_option("enabled"):
            return
        timeout = float(self.get_option("start_timeout"))
        assignments = tuple((name, str(value)) for name, value in environment.items())
        with contextlib.suppress(command.Unavailable, OSError):
            taken = command.Command("", assignments, interpreter)
            server = launch.Server(taken, self._server_config(), self.get_option("directory"))
            client.announce(server.connect_or_start(timeout, payload), payload, timeout)

    def _say(self, message: str) -> None:
        display.v(f"terrace.aws.warm: {message}", host=self._play_context.remote_addr)

    def _run_warm(self, taken: command.Command, payload: bytes) -> client.Result:
        """Raises Unavailable when nothing has been run."""
        outer = C.DEFAULT_EXECUTABLE.split()[0] if C.DEFAULT_EXECUTABLE else "/bin/sh"
        timeout = float(self.get_option("start_timeout"))
        try:
            server = launch.Server(taken, self._server_config(), self.get_option("directory"))
            for attempt in (1, 2, 3):
                try:
                    connection = server.connect_or_start(timeout, payload)
                    return client.run(connection, taken, payload, outer, self.cwd, timeout)
                except command.Unavailable as ex:
                    if attempt == 3 or not ex.retry:
                        raise
                    display.vvv(f"WARM a new process is needed: {ex}", host=self._play_context.remote_addr)
        except OSError as ex:
            raise command.Unavailable(f"{type(ex).__name__}: {ex}") from ex
        raise command.Unavailable("no server")

    def _server_config(self) -> dict:
        """What the server is told at its start: options, and where the sources of the payloads are."""
        import ansible
        from ansible.release import __author__, __version__
        from ansible.utils.collection_loader import AnsibleCollectionConfig

        collections = {}
        for name in launch.COLLECTIONS:
            for root in AnsibleCollectionConfig.collection_paths:
                path = os.path.join(root, "ansible_collections", *name.split("."))
                if os.path.isdir(path):
                    collections[name] = path
                    break
        return {
            "preload": sorted(self.get_option("preload")),
            "modules": self.get_option("preload_modules"),
            "idle": self.get_option("idle_timeout"),
            "linger": self.get_option("linger"),
            "ansible": os.path.dirname(ansible.__file__),
            "version": __version__,
            "author": __author__,
            "collections": collections,
        }
