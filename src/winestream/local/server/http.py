"""Snowflake's HTTP protocol, as far as the connector speaks it.

A request that is sent again under its `requestId` (a lost answer, a slow one) gets
the first one's answer: the statement is never run twice.
"""

import asyncio
import collections
import gzip
import json
import logging
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from fakesnow.expr import normalise_ident
from fakesnow.transforms import SERVER_VERSION
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from winestream.local.server import stages
from winestream.local.server.bindings import decode
from winestream.local.server.chain import Chain
from winestream.local.server.results import encode
from winestream.local.server.sessions import Session, Sessions
from winestream.local.server.sqlerrors import SqlError, translate
from winestream.local.server.storage import Storage

_log = logging.getLogger(__name__)

# A retry follows its request at once, so a few answers per session are enough. A
# large one is a query's, which may run again.
_ANSWERS_KEPT, _ANSWER_BYTES = 8, 4_000_000
_TOKEN_SECONDS, _MASTER_SECONDS = 24 * 3600, 48 * 3600


class Gateway:
    """The routes, and the answers given lately."""

    def __init__(self, storage: Storage, chain: Chain, sessions: Sessions) -> None:
        self._storage, self._chain, self._sessions = storage, chain, sessions
        self._answers: dict[str, collections.OrderedDict[str, asyncio.Task[bytes]]] = {}

    def application(self) -> Starlette:
        """Build the ASGI application."""

        def post(path: str, answer: Callable[[Request], Awaitable[Response]]) -> Route:
            return Route(path, answer, methods=["POST"])

        return Starlette(
            routes=[
                post("/session/v1/login-request", self._login),
                post("/session/token-request", self._renew),
                post("/session", self._session),
                post("/session/heartbeat", self._session),
                post("/queries/v1/query-request", self._query),
                post("/queries/v1/abort-request", self._cancel),
                post("/telemetry/send", _nothing),
                Route("/monitoring/queries/{id}", self._monitor, methods=["GET"]),
                Route("/stage/{path:path}", self._upload, methods=["PUT"]),
                Route("/stage/{path:path}", self._exists, methods=["HEAD"]),
            ]
        )

    async def _login(self, request: Request) -> Response:
        data = (await _body(request))["data"]
        try:
            session = await run_in_threadpool(
                self._sessions.open,
                str(data.get("LOGIN_NAME") or "").upper(),
                _name(request.query_params.get("databaseName")),
                _name(request.query_params.get("schemaName")),
                data.get("SESSION_PARAMETERS") or {},
            )
        except Exception as error:  # noqa: BLE001 - HTTP 500 would be tried again for long
            return JSONResponse(_failure(translate(error)))
        return _success(
            {
                "token": session.token,
                "masterToken": secrets.token_urlsafe(32),  # connector 5 wants one
                "validityInSeconds": _TOKEN_SECONDS,
                "masterValidityInSeconds": _MASTER_SECONDS,
                "sessionId": session.number,
                "serverVersion": SERVER_VERSION,
                "parameters": [
                    {"name": "AUTOCOMMIT", "value": session.autocommit},
                    {"name": "TIMEZONE", "value": "Etc/UTC"},
                    # Zero keeps array bindings inline; staged ones are not served.
                    {"name": "CLIENT_STAGE_ARRAY_BINDING_THRESHOLD", "value": 0},
                ],
                "sessionInfo": {
                    "databaseName": session.database,
                    "schemaName": session.schema,
                    "warehouseName": None,
                    "roleName": "SYSADMIN",
                },
            }
        )

    async def _renew(self, request: Request) -> Response:
        # A token outlives every run here, so only a stranger's gets this far.
        del request
        return _gone()

    async def _session(self, request: Request) -> Response:
        session = self._find(request)
        if session is None:
            return _gone()
        if request.query_params.get("delete"):
            await run_in_threadpool(self._end, session)
        return _success(None)

    def _end(self, session: Session) -> None:
        with session.lock:
            self._chain.transactions.roll_back(session)
            self._sessions.close(session)
        self._answers.pop(session.token, None)

    async def _query(self, request: Request) -> Response:
        session = self._find(request)
        if session is None:
            return _gone()
        body = await _body(request)
        base_url = f"{request.url.scheme}://{request.url.netloc}"
        request_id = request.query_params.get("requestId") or secrets.token_hex()
        answers = self._answers.setdefault(session.token, collections.OrderedDict())
        task = answers.get(request_id)
        if task is None:
            work = run_in_threadpool(self._run, session, body, base_url)
            task = answers[request_id] = asyncio.ensure_future(work)
            while len(answers) > _ANSWERS_KEPT:
                answers.popitem(last=False)
        # Shielded: a client that hangs up does not take its statement with it.
        content = await asyncio.shield(task)
        if len(content) > _ANSWER_BYTES:
            answers.pop(request_id, None)
        return Response(content, media_type="application/json")

    def _run(self, session: Session, body: dict[str, Any], base_url: str) -> bytes:
        try:
            reply = {"data": self._answer(session, body, base_url), "success": True}
        except Exception as error:  # noqa: BLE001 - HTTP 500 would be tried again for long
            reply = _failure(translate(error))
        return json.dumps(reply).encode()

    def _answer(
        self, session: Session, body: dict[str, Any], base_url: str
    ) -> dict[str, Any]:
        text = str(body["sqlText"])
        values, rows = decode(body.get("bindings"))
        if body.get("describeOnly"):
            return self._described(session, text)
        answer = self._chain.run(session, text, values, rows)
        if answer.upload is not None:
            stages.upload_instructions(answer.upload, self._storage.stages, base_url)
            return answer.upload
        return encode(answer) | {
            "parameters": [{"name": "TIMEZONE", "value": "Etc/UTC"}],
            "finalDatabaseName": session.database,
            "finalSchemaName": session.schema,
        }

    def _described(self, session: Session, text: str) -> dict[str, Any]:
        answer, binds, is_insert = self._chain.describe(session, text)
        return encode(answer) | {
            "numberOfBinds": binds,
            # Only an INSERT may come as one statement with an array of rows.
            "arrayBindSupported": is_insert,
            "finalDatabaseName": session.database,
            "finalSchemaName": session.schema,
        }

    async def _cancel(self, request: Request) -> Response:
        session = self._find(request)
        if session is None:
            return _gone()
        wanted = (await _body(request)).get("requestId", "")
        task = self._answers.get(session.token, {}).get(wanted)
        if task is not None and not task.done():
            session.duck.interrupt()
        return _success(None)

    async def _monitor(self, request: Request) -> Response:
        session = self._find(request)
        if session is None:
            return _gone()
        known = request.path_params["id"] in session.connection.results_cache
        return _success({"queries": [{"status": "SUCCESS"}] if known else []})

    async def _upload(self, request: Request) -> Response:
        content = await request.body()
        target = stages.stored_path(self._storage.stages, request.path_params["path"])
        if target is None:
            return Response(status_code=400)
        await run_in_threadpool(_store, target, content)
        return Response()

    async def _exists(self, request: Request) -> Response:
        target = stages.stored_path(self._storage.stages, request.path_params["path"])
        found = target is not None and target.is_file()
        return Response(status_code=200 if found else 404)

    def _find(self, request: Request) -> Session | None:
        header = request.headers.get("Authorization") or ""
        return self._sessions.find(header.removeprefix("Snowflake Token=").strip('"'))


def _store(target: Path, content: bytes) -> None:
    # Written aside and renamed: a COPY never reads half a file.
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{secrets.token_hex(8)}")
    aside.write_bytes(content)
    aside.replace(target)


async def _body(request: Request) -> dict[str, Any]:
    content = await request.body()
    if request.headers.get("Content-Encoding") == "gzip":
        content = gzip.decompress(content)
    body: dict[str, Any] = json.loads(content) if content else {}
    return body


async def _nothing(request: Request) -> Response:
    del request
    return _success(None)


def _name(given: str | None) -> str | None:
    return normalise_ident(given) if given else None


def _success(data: dict[str, Any] | None) -> Response:
    return JSONResponse({"data": data, "code": None, "message": None, "success": True})


def _failure(error: SqlError) -> dict[str, Any]:
    code = f"{error.errno:06d}"
    return {
        "data": {"errorCode": code, "sqlState": error.sqlstate},
        "code": code,
        "message": error.message,
        "success": False,
    }


def _gone() -> Response:
    # The session ended with the process that held it. To connector 5 this is a
    # failed refresh (250001), to connector 4 an HTTP error (290401): both at once.
    return JSONResponse(
        {
            "data": None,
            "code": "390104",
            "message": "User must login again to access the service.",
            "success": False,
        },
        status_code=401,
    )
