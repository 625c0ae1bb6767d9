"""Images: described as Dockerfiles, built by whoever runs the containers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

from modal_proto import api_pb2 as pb

from tests.fakes.modal.account import Account, Image
from tests.fakes.modal.rules import require_image, require_known

Build = Callable[[Image], Awaitable[None]]
"""Sets `reference` of an image whose bases have theirs, or `error`."""


class Images:
    """Serves the methods named Image…."""

    def __init__(self, account: Account, build: Build) -> None:
        self._account = account
        self._build = build

    async def image_get_or_create(self, request: pb.ImageGetOrCreateRequest) -> pb.ImageGetOrCreateResponse:
        definition = request.image
        require_image(definition, request.builder_version)
        require_known("image", [base.image_id for base in definition.base_images], self._account.images)
        if definition.context_mount_id:
            require_known("mount", [definition.context_mount_id], self._account.mounts)
        image = next((each for each in self._account.images.values() if each.definition == definition), None)
        if image is None or image.error:
            image = Image(self._account.new_id("im"), definition, request.builder_version)
            self._account.images[image.id] = image
            return pb.ImageGetOrCreateResponse(image_id=image.id)
        return pb.ImageGetOrCreateResponse(image_id=image.id, result=_result(image), metadata=_metadata(image))

    async def image_join_streaming(
        self, request: pb.ImageJoinStreamingRequest
    ) -> AsyncIterator[pb.ImageJoinStreamingResponse]:
        require_known("image", [request.image_id], self._account.images)
        image = self._account.images[request.image_id]
        if not (image.reference or image.error):
            await self._build(image)
        yield pb.ImageJoinStreamingResponse(result=_result(image), metadata=_metadata(image), entry_id="1", eof=True)


def _result(image: Image) -> pb.GenericResult:
    failed = pb.GenericResult.GENERIC_STATUS_FAILURE if image.error else pb.GenericResult.GENERIC_STATUS_SUCCESS
    return pb.GenericResult(status=failed, exception=image.error)


def _metadata(image: Image) -> pb.ImageMetadata:
    return pb.ImageMetadata(image_builder_version=image.builder)
