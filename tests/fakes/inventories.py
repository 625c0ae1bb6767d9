"""Google's Cloud Asset Inventory and Azure's Resource Graph on the wire, with what gives out their tokens.

They refuse what the real ones refuse: requests without a token of theirs, unknown fields, scopes and page tokens, and
pages that are larger than they give.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

PAGE = 4  # entries at most, whatever is asked for
MOST = 500
TOKEN = "of-the-fake"
SECRET = "of-the-machine"
MASKS = {"name", "assetType", "location", "project", "displayName", "versionedResources"}
GRAPH = "2022-10-01"


class Inventories:
    """What exists: assets by scope and resources by subscription, in the clouds' own words. `busy`: 503 as often."""

    def __init__(self) -> None:
        self.assets: dict[str, list[dict[str, Any]]] = {}
        self.resources: dict[str, list[dict[str, Any]]] = {}
        self.busy = 0
        self.app = Starlette(
            routes=[
                Route("/token", self.google_token, methods=["POST"]),
                Route("/msi", self.azure_token),
                Route("/v1/{scope:path}:searchAllResources", self.search),
                Route("/providers/Microsoft.ResourceGraph/resources", self.query, methods=["POST"]),
            ]
        )

    async def google_token(self, request: Request) -> Response:
        """OAuth's exchange of a signed assertion."""
        form = dict(parse_qsl((await request.body()).decode()))
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return JSONResponse({"error": "unsupported_grant_type"}, 400)
        if form.get("assertion", "").count(".") != 2:
            return JSONResponse({"error": "invalid_grant"}, 400)
        return JSONResponse({"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"})

    async def azure_token(self, request: Request) -> Response:
        """A managed identity's endpoint, as in App Service."""
        if request.headers.get("X-IDENTITY-HEADER") != SECRET:
            return JSONResponse({"error": "unauthorized"}, 401)
        if request.query_params.get("resource") != "https://management.azure.com":
            return JSONResponse({"error": "invalid_resource"}, 400)
        return JSONResponse({"access_token": TOKEN, "expires_on": "4102444800", "token_type": "Bearer"})

    async def search(self, request: Request) -> Response:
        """`searchAllResources`."""
        if refused := self._refused(request):
            return refused
        asked, scope = dict(request.query_params), request.path_params["scope"]
        wrong = (
            not re.fullmatch(r"(projects|folders|organizations)/[a-z0-9-]+", scope)
            or not asked.keys() <= {"pageSize", "pageToken", "readMask"}
            or not 0 <= int(asked.get("pageSize", 0)) <= MOST
            or not set(asked.get("readMask", "name").split(",")) <= MASKS
        )
        if wrong:
            return JSONResponse({"error": {"status": "INVALID_ARGUMENT"}}, 400)
        if scope not in self.assets:
            return JSONResponse({"error": {"status": "PERMISSION_DENIED"}}, 403)
        start = int(asked.get("pageToken", 0))
        kept = {*asked["readMask"].split(",")}
        shown = [{key: each[key] for key in each if key in kept} for each in self.assets[scope]]
        more = {"nextPageToken": str(start + PAGE)} if start + PAGE < len(shown) else {}
        return JSONResponse({"results": shown[start : start + PAGE], **more})

    async def query(self, request: Request) -> Response:
        """`Resources`."""
        if refused := self._refused(request):
            return refused
        asked = json.loads(await request.body())
        options = asked.get("options", {})
        wrong = (
            request.query_params.get("api-version") != GRAPH
            or not asked.keys() <= {"subscriptions", "query", "options"}
            or not options.keys() <= {"resultFormat", "$top", "$skip", "$skipToken"}
            or not 1 <= options.get("$top", 100) <= 1000
            or "| project id, name, type, location, sku, properties" not in asked["query"]
        )
        if wrong:
            return JSONResponse({"error": {"code": "BadRequest"}}, 400)
        (subscription,) = asked["subscriptions"]
        if subscription not in self.resources:
            return JSONResponse({"error": {"code": "AuthorizationFailed"}}, 403)
        found, start = self.resources[subscription], int(options.get("$skipToken", 0))
        more = {"$skipToken": str(start + PAGE)} if start + PAGE < len(found) else {}
        page = found[start : start + PAGE]
        return JSONResponse({"totalRecords": len(found), "count": len(page), "data": page, **more})

    def _refused(self, request: Request) -> Response | None:
        if self.busy:
            self.busy -= 1
            return JSONResponse({}, 503)
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return JSONResponse({"error": "unauthenticated"}, 401)
        return None
