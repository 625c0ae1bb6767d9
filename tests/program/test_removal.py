"""`destroy` leaves nothing, or the audit where that was asked for; and a frontier's key is nowhere but in its file."""

from __future__ import annotations

from tests.program.arguments import arguments_of_every_process
from tests.program.stack import NewStack, Stack, docker

CANARY = "sk-canary-6f1c2d9b8a7e"
FRONTIER = {"url": "https://frontier.invalid/v1", "model": "m", "country": "DE", "dataClasses": ["public"]}


def test_a_stack_with_a_frontier_comes_and_goes_and_its_key_is_seen_nowhere(new_stack: NewStack) -> None:
    stack = new_stack(gateway={"frontier": FRONTIER})
    assert "pulumi config set --secret frontierApiKey" in stack.up(fails=True)
    give_key(stack)
    stack.settings["retain"] = True
    stack.write()

    with arguments_of_every_process() as seen:
        said = stack.up()
    secret = stack.host_root / "secrets" / "frontier"
    assert secret.read_text() == CANARY
    assert secret.parent.stat().st_mode & 0o777 == 0o700
    in_container = ["exec", stack.container("gateway"), "python3", "-c", "print(open('/run/secrets/frontier').read())"]
    assert docker(*in_container).strip() == CANARY
    assert seen
    assert CANARY not in "".join(seen)
    assert CANARY not in said
    assert CANARY not in stack.state()
    others = [path for path in stack.host_root.rglob("*") if path.is_file() and path != secret and path.suffix]
    assert not any(CANARY in path.read_text() for path in others)
    assert not any(CANARY in docker("logs", name) for name in stack.containers())
    assert CANARY not in docker("inspect", *stack.containers())

    stack.destroy()
    left = stack.leftovers()
    assert left.pop("volumes") == [f"{stack.compose_project}_audit"]
    assert not any(left.values()), left

    stack.settings["retain"] = False
    stack.write()
    stack.up()
    audit = docker(
        "exec", stack.container("gateway"), "python3", "-c", "import os; print(os.listdir('/var/lib/trivet'))"
    )
    assert "audit.sqlite" in audit
    stack.destroy()
    assert not any(stack.leftovers().values()), stack.leftovers()


def test_destroying_what_is_gone_already_is_success(new_stack: NewStack) -> None:
    stack = new_stack()
    stack.up()
    stack.wipe()
    stack.destroy()
    assert not any(stack.leftovers().values()), stack.leftovers()


def give_key(stack: Stack) -> None:
    """Put the secret into the configuration the way a person does, and keep it there."""
    stack.set_secret("frontierApiKey", CANARY)
