"""Deploy, redeploy, repair, remove: Modal's own client against a Modal on the wire."""

from __future__ import annotations

import importlib
import time
from pathlib import Path

import pytest

from tests.unit.drivers.modal.place import Place
from tests.unit.examples import spec_with
from trivet.drivers.modal import HalfDeployedError, deploy, desired, observe, remove
from trivet.errors import CloudError, HostError, IntegrityError, TrivetError

PATIENT = 2.0  # seconds


def hashes(place: Place) -> dict[str, str | None]:
    site = place.site()
    return {name: site.keys.sha256(name) for name in site.app.keys}


def test_what_is_seen_after_a_deployment_is_what_was_wished(place: Place) -> None:
    seen = deploy(place.site(), None)
    assert seen == desired(place.app(), hashes(place), None) == observe(place.site())


def test_deploying_redeploying_and_stopping_are_quick_and_nothing_is_unimplemented(place: Place) -> None:
    other = place.app(spec_with({"gateway": {"limits": {"queue": 9}}}))
    for step in (
        lambda: deploy(place.site(), None),
        lambda: deploy(place.site(other), None),
        lambda: remove(place.site()),
    ):
        started = time.monotonic()
        step()
        assert time.monotonic() - started < PATIENT
    assert place.fake.servicer.unimplemented == []


def test_every_byte_of_the_models_arrives(place: Place) -> None:
    deploy(place.site(), None)
    (weights,) = [each for each in place.fake.account.volumes.values() if each.name == "trivet-unit-weights"]
    for name, model in place.app().models.items():
        lies = weights.root / "models" / model.manifest.removeprefix("sha256:") / f"{name}.gguf"
        assert lies.stat().st_size == model.files[0].size
        assert lies.stat().st_mode & 0o777 == 0o644


def test_nothing_to_do_sends_nothing_and_deploys_nothing(place: Place) -> None:
    deploy(place.site(), None)
    place.calls.clear()
    deploy(place.site(), None)
    assert not {"AppPublish", "FunctionCreate", "BlobCreate", "VolumePutFiles"} & set(place.calls)


def test_a_model_that_is_there_is_not_sent_again(place: Place) -> None:
    deploy(place.site(), None)
    place.calls.clear()
    deploy(place.site(place.app(spec_with({"gateway": {"limits": {"queue": 9}}}))), None)
    assert "AppPublish" in place.calls
    assert "BlobCreate" not in place.calls


def test_old_configurations_and_models_are_removed(place: Place) -> None:
    deploy(place.site(), None)
    spec = spec_with({"models": spec_with({}).model_dump(mode="json", by_alias=True)["models"][:1]})
    deploy(place.site(place.app(spec)), None)
    (weights,) = [each for each in place.fake.account.volumes.values() if each.name == "trivet-unit-weights"]
    assert len(list((weights.root / "models").iterdir())) == 1
    assert len(list((weights.root / "etc").iterdir())) == 1


def test_the_app_says_whose_it_is_where_it_runs_and_what_it_may_cost(place: Place) -> None:
    deploy(place.site(), None)
    app = place.fake.account.deployed("trivet-unit")
    assert app is not None
    assert app.tags["managed-by"] == "trivet"
    function = app.published["serve"].function
    assert list(function.scheduler_placement.regions) == ["eu-west"]
    assert function.routing_region == "eu-west"
    assert (function.module_name, function.implementation_name) == ("trivet_gateway.node", "serve")
    assert not function.function_serialized
    assert function.webhook_config.web_server_port == 8080
    scaling = function.autoscaler_settings
    assert (scaling.min_containers, scaling.max_containers, scaling.scaledown_window) == (0, 1, 300)
    mounts = {mount.mount_path: mount.read_only for mount in function.volume_mounts}
    assert mounts == {"/weights": True, "/audit": False}


def test_a_frontier_s_key_is_a_secret_of_modal_s_and_a_new_one_is_a_new_deployment(place: Place) -> None:
    deploy(place.site(), "canary")
    kept = [s.variables["TRIVET_FRONTIER_KEY"] for s in place.fake.account.secrets.values()]
    assert kept == ["canary"]
    assert "canary" not in str(place.fake.account.apps)
    place.calls.clear()
    deploy(place.site(), "another")
    assert "AppPublish" in place.calls


def test_an_autoscaler_that_somebody_set_is_seen_and_set_back_without_a_deployment(place: Place) -> None:
    deploy(place.site(), None)
    tampered(place).autoscaler.update(min_containers=1, scaledown_window=3600)
    seen = observe(place.site())
    assert seen is not None
    assert (seen.autoscaler.min_containers, seen.autoscaler.scaledown_window) == (1, 3600)
    place.calls.clear()
    assert deploy(place.site(), None) == desired(place.app(), hashes(place), None)
    assert "AppPublish" not in place.calls


def test_a_deployment_by_somebody_else_is_seen_and_replaced(place: Place) -> None:
    deploy(place.site(), None)
    app = place.fake.account.deployed("trivet-unit")
    assert app is not None
    app.published["serve"].function.routing_region = "us-east"
    seen = observe(place.site())
    assert seen is not None
    assert seen.routing_region == "us-east"
    assert deploy(place.site(), None).routing_region == "eu-west"


def test_an_app_that_somebody_stopped_is_seen_and_comes_back(place: Place) -> None:
    deploy(place.site(), None)
    modal = importlib.import_module("modal")
    modal.App.lookup("trivet-unit", client=place.account.client).stop(client=place.account.client)
    seen = observe(place.site())
    assert seen is not None
    assert seen.definition == "absent"
    assert deploy(place.site(), None) == desired(place.app(), hashes(place), None)


def test_an_app_of_somebody_else_is_left_alone(place: Place) -> None:
    modal = importlib.import_module("modal")
    modal.App.lookup("trivet-unit", create_if_missing=True, client=place.account.client)
    with pytest.raises(CloudError, match="left alone"):
        deploy(place.site(), None)
    assert not place.fake.account.volumes
    assert not (place.root / "keys").exists()
    remove(place.site())
    assert place.fake.account.deployed("trivet-unit") is not None


def test_a_store_that_lacks_a_model_is_refused_before_anything_is_made(place: Place) -> None:
    app = place.app()
    models = {name: model.model_copy(update={"manifest": f"sha256:{'0' * 64}"}) for name, model in app.models.items()}
    with pytest.raises(IntegrityError, match="run `trivet build`"):
        deploy(place.site(app.model_copy(update={"models": models})), None)
    assert not place.fake.account.volumes
    assert not (place.root / "keys").exists()


def test_an_app_that_does_not_answer_is_half_made_and_goes_on_from_there(place: Place) -> None:
    place.runner.broken = True
    impatient = place.app().model_copy(update={"start_seconds": 1})
    with pytest.raises(HalfDeployedError, match="modal app logs trivet-unit"):
        deploy(place.site(impatient), None)
    place.runner.broken = False
    assert deploy(place.site(), None).definition != "absent"


def test_removing_leaves_nothing(place: Place) -> None:
    deploy(place.site(), None)
    remove(place.site())
    assert observe(place.site()) is None
    assert not place.fake.account.volumes
    assert place.fake.account.deployed("trivet-unit") is None
    assert not (place.root / "keys").exists()
    remove(place.site())  # gone already is no error


def test_a_retained_audit_stays(place: Place) -> None:
    site = place.site(place.app().model_copy(update={"retain": True}))
    deploy(site, None)
    remove(site)
    assert [volume.name for volume in place.fake.account.volumes.values()] == ["trivet-unit-audit"]


def test_nothing_there_is_nothing(place: Place) -> None:
    assert observe(place.site()) is None


def test_without_a_token_the_remedy_is_named(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MODAL_TOKEN_SECRET")
    with pytest.raises(CloudError, match="modal token set"):
        deploy(place.site(), None)
    assert place.calls == []


def test_a_wrong_token_is_said(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODAL_TOKEN_SECRET", "as-wrong")
    with pytest.raises(CloudError, match="Token") as caught:
        deploy(place.site(), None)
    assert caught.value.code == "AuthError"


def test_what_modal_refuses_is_said_in_its_own_words(place: Place) -> None:
    with pytest.raises(TrivetError, match="unknown GPU type 'V100'"):
        deploy(place.site(place.app().model_copy(update={"gpu": "V100"})), None)


def test_without_the_client_library_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    account = importlib.import_module("trivet.drivers.modal.account")
    monkeypatch.setitem(importlib.import_module("sys").modules, "modal", None)
    with pytest.raises(HostError, match=r"venv\.sh modal"):
        account.Account()


def test_the_client_is_not_imported_before_it_is_needed() -> None:
    text = Path(importlib.import_module("trivet.drivers.modal.deploy").__file__ or "").read_text()
    assert "import modal" not in text


def tampered(place: Place):  # type: ignore[no-untyped-def]  # the client's own classes
    modal = importlib.import_module("modal")
    return modal.Function.from_name("trivet-unit", "serve", client=place.account.client)
