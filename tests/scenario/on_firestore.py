"""The sandbox's process with Firestore for its store: one that is gRPC, and that an open mail and a record do not ask for."""

import os
from functools import cached_property

from functions import addon as sidebar
from functions.boundary import entry_point
from functions.settings import read_settings
from mailmagnet.store import Store
from sandbox.demo.sandbox_process import SandboxProcess, read_sandbox_settings


class ProcessOnFirestore(SandboxProcess):
    """Its vault and its CRM are files: what needs no disk of these is tried elsewhere."""

    @cached_property
    def store(self) -> Store:
        from metadata_store.firestore import FirestoreStore

        return FirestoreStore("mailmagnet-test")


def _process() -> ProcessOnFirestore:
    return ProcessOnFirestore(read_settings(os.environ), read_sandbox_settings(os.environ))


addon = entry_point("addon", _process, sidebar.answer)
