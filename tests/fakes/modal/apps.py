"""Apps: created, published, looked up, stopped. And what every client asks first."""

from __future__ import annotations

import base64
import json
import time
from typing import Protocol

from google.protobuf.empty_pb2 import Empty
from grpclib import Status
from modal_proto import api_pb2 as pb

from tests.fakes.modal.account import BUILDER, ENVIRONMENT, Account, App
from tests.fakes.modal.rules import NAME, require, require_known, require_tags

LIVE = (pb.APP_STATE_INITIALIZING, pb.APP_STATE_DEPLOYED)
HOUR = 3600


class Fleet(Protocol):
    """Who runs functions."""

    async def publish(self, app: App) -> None:
        """Run the app's new definitions; what runs is replaced without a gap."""

    async def stop(self, app: App) -> None:
        """End every container of the app."""

    def containers(self, function_id: str) -> int:
        """How many a function has."""

    async def url(self, function_id: str) -> str:
        """The address of a function's web endpoint: the same for ever."""


class Apps:
    """Serves the methods named App…, and those of the session."""

    def __init__(self, account: Account, fleet: Fleet) -> None:
        self._account = account
        self._fleet = fleet

    async def client_hello(self, _: Empty) -> pb.ClientHelloResponse:
        return pb.ClientHelloResponse(image_builder_version=BUILDER)

    async def auth_token_get(self, _: pb.AuthTokenGetRequest) -> pb.AuthTokenGetResponse:
        claims = base64.urlsafe_b64encode(json.dumps({"exp": int(time.time()) + HOUR}).encode()).decode().rstrip("=")
        return pb.AuthTokenGetResponse(token=f"e30.{claims}.fake")

    async def environment_get_or_create(
        self, request: pb.EnvironmentGetOrCreateRequest
    ) -> pb.EnvironmentGetOrCreateResponse:
        name = request.deployment_name or ENVIRONMENT
        self._require_environment(name)
        metadata = pb.EnvironmentMetadata(name=name, settings=pb.EnvironmentSettings(image_builder_version=BUILDER))
        return pb.EnvironmentGetOrCreateResponse(environment_id="en-1", metadata=metadata)

    async def app_create(self, request: pb.AppCreateRequest) -> pb.AppCreateResponse:
        self._require_environment(request.environment_name)
        require_tags(request.tags)
        app = App(self._account.new_id("ap"), request.description, dict(request.tags), request.app_state)
        self._account.apps[app.id] = app
        return pb.AppCreateResponse(app_id=app.id)

    async def app_get_by_deployment_name(
        self, request: pb.AppGetByDeploymentNameRequest
    ) -> pb.AppGetByDeploymentNameResponse:
        self._require_environment(request.environment_name)
        app = self._account.deployed(request.name)
        return pb.AppGetByDeploymentNameResponse(app_id=app.id if app else "", environment_name=ENVIRONMENT)

    async def app_get_or_create(self, request: pb.AppGetOrCreateRequest) -> pb.AppGetOrCreateResponse:
        self._require_environment(request.environment_name)
        app = self._account.deployed(request.app_name)
        if app is None:
            create = request.object_creation_type == pb.OBJECT_CREATION_TYPE_CREATE_IF_MISSING
            require(create, f"App {request.app_name!r} not found in environment {ENVIRONMENT!r}", Status.NOT_FOUND)
            app = App(self._account.new_id("ap"), request.app_name, {}, pb.APP_STATE_DEPLOYED)
            self._account.apps[app.id] = app
        return pb.AppGetOrCreateResponse(app_id=app.id, handle_metadata=_handle(app))

    async def app_get_layout(self, request: pb.AppGetLayoutRequest) -> pb.AppGetLayoutResponse:
        return pb.AppGetLayoutResponse(app_layout=pb.AppLayout(function_ids=self._app(request.app_id).functions))

    async def app_get_tags(self, request: pb.AppGetTagsRequest) -> pb.AppGetTagsResponse:
        return pb.AppGetTagsResponse(tags=self._app(request.app_id).tags)

    async def app_set_tags(self, request: pb.AppSetTagsRequest) -> Empty:
        require_tags(request.tags)
        self._app(request.app_id).tags = dict(request.tags)
        return Empty()

    async def app_heartbeat(self, request: pb.AppHeartbeatRequest) -> Empty:
        self._app(request.app_id)
        return Empty()

    async def app_publish(self, request: pb.AppPublishRequest) -> pb.AppPublishResponse:
        app = self._app(request.app_id)
        require(NAME.fullmatch(request.name), f"invalid App name {request.name!r}")
        other = self._account.deployed(request.name)
        require(other in (None, app), f"App {request.name!r} is deployed already", Status.ALREADY_EXISTS)
        require_tags(request.tags)
        require_known("function", request.function_ids.values(), self._account.functions)
        published = {}
        for name, function_id in request.function_ids.items():
            function = self._account.functions[function_id]
            draft = function.draft
            require(draft is not None, f"function {name} was not created", Status.FAILED_PRECONDITION)
            assert draft is not None
            require(request.definition_ids.get(function_id) == draft.id, f"{name}: another definition")
            published[name] = draft
            function.override = pb.AutoscalerSettings()  # a deployment wipes what was set since the last one
        app.name, app.tags, app.state = request.name, dict(request.tags), request.app_state
        app.functions, app.published = dict(request.function_ids), published
        app.deployments += 1
        app.deployed_at = time.time()
        await self._fleet.publish(app)
        return pb.AppPublishResponse(url=f"https://modal.com/id/{app.id}", deployed_at=time.time())

    async def app_stop(self, request: pb.AppStopRequest) -> Empty:
        app = self._app(request.app_id)
        app.state = pb.APP_STATE_STOPPED
        await self._fleet.stop(app)
        return Empty()

    async def app_client_disconnect(self, request: pb.AppClientDisconnectRequest) -> Empty:
        app = self._app(request.app_id)
        if app.state == pb.APP_STATE_INITIALIZING:  # one that never came to be
            app.state = pb.APP_STATE_STOPPED
        return Empty()

    async def app_list(self, request: pb.AppListRequest) -> pb.AppListResponse:
        self._require_environment(request.environment_name)
        item = pb.AppListResponse.AppListItem
        live = [app for app in self._account.apps.values() if app.state in LIVE]
        listed = [
            item(app_id=app.id, description=app.name, name=app.name, state=app.state, metadata=_handle(app))
            for app in live
        ]
        for app in live:
            if app.name == self._account.stops_once_listed:
                app.state = pb.APP_STATE_STOPPED
        return pb.AppListResponse(apps=listed)

    def _app(self, app_id: str) -> App:
        require_known("app", [app_id], self._account.apps)
        app = self._account.apps[app_id]
        require(app.state in LIVE, f"app {app_id} is stopped", Status.FAILED_PRECONDITION)
        return app

    def _require_environment(self, name: str) -> None:
        require(name in ("", ENVIRONMENT), f"Environment {name!r} not found", Status.NOT_FOUND)


def _handle(app: App) -> pb.AppHandleMetadata:
    lifecycle = pb.AppLifecycle(app_state=app.state, created_at=app.created_at, deployed_at=app.deployed_at)
    return pb.AppHandleMetadata(
        description=app.name,
        app_id=app.id,
        environment_name=ENVIRONMENT,
        lifecycle=lifecycle,
        functions=app.functions,
    )
