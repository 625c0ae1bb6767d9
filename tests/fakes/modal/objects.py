"""Secrets, mounts and uploads."""

from __future__ import annotations

import hashlib

from grpclib import Status
from modal_proto import api_pb2 as pb

from tests.fakes.modal.account import Account, Secret
from tests.fakes.modal.rules import NAME, SECRET_BYTES, require, require_known

OWNED = (pb.OBJECT_CREATION_TYPE_ANONYMOUS_OWNED_BY_APP, pb.OBJECT_CREATION_TYPE_EPHEMERAL)
GLOBAL = ("modal-client-mount-", "python-build-standalone.")


class Objects:
    """Serves the methods named Secret…, Mount… and Blob…. `upload_url` is where uploads go."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self.upload_url = ""

    async def secret_get_or_create(self, request: pb.SecretGetOrCreateRequest) -> pb.SecretGetOrCreateResponse:
        named = {each.name: each for each in self._account.secrets.values() if each.name}
        secret = named.get(request.deployment_name) if request.deployment_name else None
        if secret is None:
            create = request.object_creation_type != pb.OBJECT_CREATION_TYPE_UNSPECIFIED
            require(create, f"Secret {request.deployment_name!r} not found", Status.NOT_FOUND)
            for key, value in request.env_dict.items():
                require(key.isidentifier() and len(value) <= SECRET_BYTES, f"cannot keep the variable {key!r}")
            secret = Secret(self._account.new_id("st"), request.deployment_name, dict(request.env_dict))
            self._account.secrets[secret.id] = secret
        missing = sorted(set(request.required_keys) - secret.variables.keys())
        require(not missing, f"Secret lacks {missing}", Status.FAILED_PRECONDITION)
        return pb.SecretGetOrCreateResponse(
            secret_id=secret.id, metadata=pb.SecretMetadata(name=secret.name, keys=sorted(secret.variables))
        )

    async def mount_get_or_create(self, request: pb.MountGetOrCreateRequest) -> pb.MountGetOrCreateResponse:
        name = request.deployment_name
        if request.namespace == pb.DEPLOYMENT_NAMESPACE_GLOBAL:
            require(name.startswith(GLOBAL), f"Mount {name!r} not found", Status.NOT_FOUND)
        else:
            require(request.object_creation_type in OWNED, f"Mount {name!r} not found", Status.NOT_FOUND)
        mount_id = next((key for key, value in self._account.mounts.items() if value == name and name), None)
        if mount_id is None:
            mount_id = self._account.new_id("mo")
            self._account.mounts[mount_id] = name
        return pb.MountGetOrCreateResponse(mount_id=mount_id, handle_metadata=pb.MountHandleMetadata())

    async def mount_put_file(self, request: pb.MountPutFileRequest) -> pb.MountPutFileResponse:
        uploads, digest = self._account.uploads, request.sha256_hex
        if request.data_blob_id:
            require_known("blob", [request.data_blob_id], uploads)
            source = uploads[request.data_blob_id]
            found = hashlib.sha256(source.read_bytes()).hexdigest()
            require(found == digest, f"the upload has the hash {found}")
            uploads[digest] = source
        elif request.WhichOneof("data_oneof") == "data":
            require(hashlib.sha256(request.data).hexdigest() == digest, "the data has another hash")
            uploads[digest] = self._account.root / "uploads" / digest
            uploads[digest].write_bytes(request.data)
        return pb.MountPutFileResponse(exists=digest in uploads)

    async def blob_create(self, request: pb.BlobCreateRequest) -> pb.BlobCreateResponse:
        require(request.content_length <= 1 << 30, "this fake takes uploads of up to 1 GiB", Status.OUT_OF_RANGE)
        blob_id = self._account.new_id("bl")
        self._account.uploads[blob_id] = self._account.root / "uploads" / blob_id
        urls = pb.UploadUrlList(items=[f"{self.upload_url}/{blob_id}"])
        return pb.BlobCreateResponse(blob_ids=[blob_id], upload_urls=urls)


def valid_name(name: str) -> bool:
    """True if Modal takes it as the name of an object."""
    return NAME.fullmatch(name) is not None
