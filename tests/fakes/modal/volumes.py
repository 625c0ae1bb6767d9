"""Volumes: directories of this machine."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path, PurePosixPath

from google.protobuf.empty_pb2 import Empty
from grpclib import Status
from modal_proto import api_pb2 as pb

from tests.fakes.modal.account import Account, Volume
from tests.fakes.modal.objects import valid_name
from tests.fakes.modal.rules import require, require_known

VERSION = pb.VOLUME_FS_VERSION_V1


class Volumes:
    """Serves the methods named Volume…."""

    def __init__(self, account: Account) -> None:
        self._account = account

    async def volume_get_or_create(self, request: pb.VolumeGetOrCreateRequest) -> pb.VolumeGetOrCreateResponse:
        name = request.deployment_name
        volume = next((each for each in self._account.volumes.values() if each.name == name), None)
        if volume is None:
            create = request.object_creation_type != pb.OBJECT_CREATION_TYPE_UNSPECIFIED
            require(create, f"Volume {name!r} not found", Status.NOT_FOUND)
            require(valid_name(name), f"invalid Volume name {name!r}")
            volume_id = self._account.new_id("vo")
            volume = Volume(volume_id, name, self._account.root / "volumes" / volume_id)
            volume.root.mkdir(parents=True)
            self._account.volumes[volume_id] = volume
        metadata = pb.VolumeMetadata(version=VERSION, name=name)
        return pb.VolumeGetOrCreateResponse(volume_id=volume.id, version=VERSION, metadata=metadata)

    async def volume_list_files(self, request: pb.VolumeListFilesRequest) -> AsyncIterator[pb.VolumeListFilesResponse]:
        root = self._volume(request.volume_id).root
        start = _inside(root, request.path)
        require(start.exists(), f"{request.path!r} not found", Status.NOT_FOUND)
        found = start.rglob("*") if request.recursive else start.glob("*")
        yield pb.VolumeListFilesResponse(entries=[_entry(path, root) for path in sorted(found)])

    async def volume_put_files(self, request: pb.VolumePutFilesRequest) -> Empty:
        root = self._volume(request.volume_id).root
        for file in request.files:
            require(file.sha256_hex in self._account.uploads, f"{file.filename}: not uploaded", Status.NOT_FOUND)
            target = _inside(root, file.filename)
            clash = request.disallow_overwrite_existing_files and target.exists()
            require(not clash, f"{file.filename!r} already exists", Status.ALREADY_EXISTS)
            target.parent.mkdir(parents=True, exist_ok=True)
            # A copy under another name first: a container may have the old file mapped.
            draft = target.with_name(f".{target.name}.part")
            shutil.copyfile(self._account.uploads[file.sha256_hex], draft)
            draft.chmod(file.mode or 0o644)
            draft.replace(target)
        return Empty()

    async def volume_remove_file(self, request: pb.VolumeRemoveFileRequest) -> Empty:
        path = _inside(self._volume(request.volume_id).root, request.path)
        require(path.exists(), f"{request.path!r} not found", Status.NOT_FOUND)
        if path.is_dir():
            require(request.recursive, f"{request.path!r} is a directory")
            shutil.rmtree(path)
        else:
            path.unlink()
        return Empty()

    async def volume_delete(self, request: pb.VolumeDeleteRequest) -> Empty:
        shutil.rmtree(self._volume(request.volume_id).root)
        del self._account.volumes[request.volume_id]
        return Empty()

    def _volume(self, volume_id: str) -> Volume:
        require_known("volume", [volume_id], self._account.volumes)
        return self._account.volumes[volume_id]


def _inside(root: Path, path: str) -> Path:
    place = PurePosixPath("/", path)
    require(".." not in place.parts, f"{path!r} leads out of the volume")
    return root / place.relative_to("/")


def _entry(path: Path, root: Path) -> pb.FileEntry:
    kind = pb.FileEntry.DIRECTORY if path.is_dir() else pb.FileEntry.FILE
    facts = path.stat()
    return pb.FileEntry(
        path=str(path.relative_to(root)),
        type=kind,
        size=0 if path.is_dir() else facts.st_size,
        mtime=int(facts.st_mtime),
    )
