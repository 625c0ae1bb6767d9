"""Functions: created as drafts, live once their app is published; their autoscaler."""

from __future__ import annotations

from grpclib import Status
from modal_proto import api_pb2 as pb

from tests.fakes.modal.account import Account, Definition, Function
from tests.fakes.modal.apps import Fleet
from tests.fakes.modal.rules import require, require_autoscaler, require_function, require_known

SETTINGS = ("min_containers", "max_containers", "buffer_containers", "scaledown_window")


class Functions:
    """Serves the methods named Function…."""

    def __init__(self, account: Account, fleet: Fleet) -> None:
        self._account = account
        self._fleet = fleet

    async def function_precreate(self, request: pb.FunctionPrecreateRequest) -> pb.FunctionPrecreateResponse:
        require_known("app", [request.app_id], self._account.apps)
        if request.existing_function_id:
            require_known("function", [request.existing_function_id], self._account.functions)
            function = self._account.functions[request.existing_function_id]
        else:
            function = Function(self._account.new_id("fu"), request.app_id, request.function_name)
            self._account.functions[function.id] = function
            function.url = await self._fleet.url(function.id)
        return pb.FunctionPrecreateResponse(function_id=function.id, handle_metadata=self._metadata(function))

    async def function_create(self, request: pb.FunctionCreateRequest) -> pb.FunctionCreateResponse:
        wanted = pb.Function()
        ranked = request.function_data.ranked_functions
        wanted.CopyFrom(ranked[0].function if ranked else request.function)
        require_known("app", [request.app_id], self._account.apps)
        require_known("image", [wanted.image_id], self._account.images)
        require_known("secret", wanted.secret_ids, self._account.secrets)
        require_known("volume", [mount.volume_id for mount in wanted.volume_mounts], self._account.volumes)
        require_known("mount", wanted.mount_ids, self._account.mounts)
        require_known("function", [request.existing_function_id], self._account.functions)
        require_function(wanted)
        function = self._account.functions[request.existing_function_id]
        function.draft = Definition(self._account.new_id("de"), wanted)
        return pb.FunctionCreateResponse(
            function_id=function.id,
            handle_metadata=self._metadata(function),
            function_data=_data(function, function.draft),
            function=wanted,
        )

    async def function_get(self, request: pb.FunctionGetRequest) -> pb.FunctionGetResponse:
        app = self._account.deployed(request.app_name)
        require(
            app is not None and request.object_tag in app.functions,
            f"Function {request.object_tag!r} not found in App {request.app_name!r}",
            Status.NOT_FOUND,
        )
        assert app is not None
        function = self._account.functions[app.functions[request.object_tag]]
        return pb.FunctionGetResponse(
            function_id=function.id,
            handle_metadata=self._metadata(function),
            function=_data(function, app.published[request.object_tag]),
        )

    async def function_get_by_id(self, request: pb.FunctionGetByIdRequest) -> pb.FunctionGetByIdResponse:
        function = self._function(request.function_id)
        definition = self._account.apps[function.app_id].published.get(function.name)
        require(definition, f"function {function.id} is not deployed", Status.NOT_FOUND)
        assert definition is not None
        data = _data(function, definition)
        return pb.FunctionGetByIdResponse(function=data, handle_metadata=self._metadata(function))

    async def function_get_scheduling_params(
        self, request: pb.FunctionGetSchedulingParamsRequest
    ) -> pb.FunctionGetSchedulingParamsResponse:
        function = self._function(request.function_id)
        configuration = pb.AutoscalerConfiguration(
            settings=self._account.settings(function), override_settings=function.override
        )
        return pb.FunctionGetSchedulingParamsResponse(autoscaler_configuration=configuration)

    async def function_update_scheduling_params(
        self, request: pb.FunctionUpdateSchedulingParamsRequest
    ) -> pb.FunctionUpdateSchedulingParamsResponse:
        function = self._function(request.function_id)
        wanted = self._account.settings(function)
        wanted.MergeFrom(request.settings)
        require_autoscaler(wanted)
        function.override.MergeFrom(request.settings)
        return pb.FunctionUpdateSchedulingParamsResponse(current_settings=wanted)

    async def function_get_current_stats(self, request: pb.FunctionGetCurrentStatsRequest) -> pb.FunctionStats:
        self._function(request.function_id)
        return pb.FunctionStats(num_total_tasks=self._fleet.containers(request.function_id))

    def _function(self, function_id: str) -> Function:
        require_known("function", [function_id], self._account.functions)
        return self._account.functions[function_id]

    def _metadata(self, function: Function) -> pb.FunctionHandleMetadata:
        return pb.FunctionHandleMetadata(
            function_name=function.name,
            function_type=pb.Function.FUNCTION_TYPE_FUNCTION,
            web_url=function.url,
            definition_id=function.draft.id if function.draft else "",
            app_id=function.app_id,
        )


def _data(function: Function, definition: Definition) -> pb.FunctionData:
    wanted = definition.function
    data = pb.FunctionData(
        module_name=wanted.module_name,
        function_name=wanted.function_name,
        function_type=wanted.function_type,
        timeout_secs=wanted.timeout_secs,
        startup_timeout_secs=wanted.startup_timeout_secs,
        web_url=function.url,
        webhook_config=wanted.webhook_config,
        autoscaler_settings=wanted.autoscaler_settings,
        routing_region=wanted.routing_region,
    )
    data.ranked_functions.add(rank=0, function=wanted)
    return data
