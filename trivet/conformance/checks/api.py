"""API: the routes answer in OpenAI's shapes, for every model that the key opens."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from trivet.conformance.access import OK
from trivet.conformance.breach import BreachError, require
from trivet.conformance.check import Check
from trivet.conformance.examination import Examination
from trivet.conformance.prompts import chat_body, completion_body
from trivet.conformance.routes import CHAT, COMPLETIONS, HEALTH, IDENTITY, METRICS, MODELS, READY
from trivet.conformance.shapes import ChatCompletion, Completion, ModelList, read_shape

REQUEST_ID = "x-request-id"
OWN_ID = "trivet-verify-1"
LOGS = "look at the logs of the gateway and of the models"
UPSTREAM = "ask the model's container directly: if it answers well, the gateway is at fault"


def _health(examination: Examination) -> str:
    for path in (HEALTH, READY):
        reply = examination.connection.send("GET", path)
        require(reply.status == OK, f"GET {path} without a key: status {reply.status}: {reply.excerpt()}")
    return "200 and 200, without a key"


def _metrics(examination: Examination) -> str:
    reply = examination.connection.send("GET", METRICS)
    require(reply.status == OK, f"GET /metrics: status {reply.status}: {reply.excerpt()}")
    try:
        families = list(text_string_to_metric_families(reply.body.decode()))
    except ValueError as exc:
        raise BreachError(f"GET /metrics: not Prometheus text: {exc}: {reply.excerpt()}") from exc
    require(bool(families), "GET /metrics: no metric at all")
    return f"{len(families)} metrics"


def _request_id(examination: Examination) -> str:
    send = examination.connection.send
    replies = [send("GET", HEALTH), send("GET", IDENTITY, key=examination.access.key), send("GET", IDENTITY)]
    ids = [reply.headers.get(REQUEST_ID, "") for reply in replies]
    require(all(ids), f"of a health, an identity and a refusal only {sum(map(bool, ids))} carry X-Request-Id")
    require(len(set(ids)) == len(ids), f"two requests have one X-Request-Id: {', '.join(ids)}")
    echoed = send("GET", HEALTH, headers={REQUEST_ID: OWN_ID}).headers.get(REQUEST_ID, "")
    require(echoed == OWN_ID, f"a request with X-Request-Id {OWN_ID} came back with {echoed!r}")
    return "on answers and refusals; the client's own is kept"


def _models(examination: Examination) -> str:
    examination.access.require_route(MODELS)
    reply = examination.access.get(MODELS)
    require(reply.status == OK, f"GET {MODELS}: status {reply.status}: {reply.excerpt()}")
    listed = sorted(model.id for model in read_shape(ModelList, reply).data)
    meant = sorted(examination.access.model_names)
    require(listed == meant, f"listed: {', '.join(listed)}; the team may use: {', '.join(meant)}")
    return ", ".join(listed)


def _chat(examination: Examination) -> str:
    models = examination.access.models_for(CHAT)
    for model in models:
        answer = examination.access.ask(CHAT, chat_body(model.name), ChatCompletion)
        _require_answered(model.name, answer)
    return _answered(len(models))


def _completions(examination: Examination) -> str:
    models = examination.access.models_for(COMPLETIONS)
    for model in models:
        answer = examination.access.ask(COMPLETIONS, completion_body(model.name), Completion)
        _require_answered(model.name, answer)
    return _answered(len(models))


def _require_answered(model: str, answer: ChatCompletion | Completion) -> None:
    require(answer.model == model, f"asked {model}; the answer says it is of {answer.model}")
    require(answer.usage.completion_tokens > 0, f"{model} answered without a token")
    require(bool(answer.text), f"{model} answered with an empty text")


def _answered(count: int) -> str:
    return f"{count} model{'' if count == 1 else 's'} answered"


CHECKS = (
    Check("api.health", "/health and /ready answer 200 without a key.", LOGS, _health),
    Check("api.metrics", "/metrics answers in Prometheus' text format.", LOGS, _metrics),
    Check("api.request-id", "Every reply has an X-Request-Id of its own, or the client's.", LOGS, _request_id),
    Check("api.models", f"{MODELS} lists exactly the models that the team may use.", "run `pulumi up`", _models),
    Check("api.chat", f"{CHAT} answers in OpenAI's shape.", UPSTREAM, _chat),
    Check("api.completions", f"{COMPLETIONS} answers in OpenAI's shape.", UPSTREAM, _completions),
)
