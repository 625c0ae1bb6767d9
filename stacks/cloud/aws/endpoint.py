"""The stack behind a SageMaker endpoint: one container in a private network without a way out, all in one region."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pulumi
import pulumi_aws as aws

from stacks.cloud.aws.alarms import Alarms, AlarmsArgs
from stacks.cloud.aws.budget import Budget, BudgetArgs
from stacks.cloud.aws.network import Network, NetworkArgs
from stacks.cloud.aws.registry import STORE, Registry, RegistryArgs
from stacks.cloud.aws.role import role
from stacks.cloud.aws.sagemaker import SageMaker, SageMakerArgs
from stacks.cloud.aws.scaling import Scaling, ScalingArgs
from stacks.cloud.aws.settings import required
from stacks.cloud.aws.storage import Item, Storage, StorageArgs
from stacks.cloud.bundle_file import read_bundle
from stacks.cloud.cost import announce
from stacks.outputs import export
from trivet.bundle.endpoint_image import endpoint_image
from trivet.bundle.layout import Layout
from trivet.bundle.oci import Descriptor
from trivet.drivers.bundle.preflight import verify_store
from trivet.render.aws_policies import MODELS, EndpointPlace, endpoint_role_policy, flow_log_policy, serving_policy
from trivet.render.endpoint import Endpoint, endpoint
from trivet.residency.data import load_tables
from trivet.residency.machine import choose_machine
from trivet.residency.price import estimate
from trivet.spec import Lock, Settings, StackSpec
from trivet.spec.digest import json_digest, sha256_digest

MODEL_DIRECTORY = "/opt/ml/model"
CALLS = {"async": "invoke-endpoint-async", "realtime": "invoke-endpoint-with-response-stream"}
INVOKE = "aws sagemaker-runtime {1} --region {0} --endpoint-name {2}"


def deploy(spec: StackSpec, lock: Lock, settings: Settings) -> None:
    """Decide everything, refuse what cannot be, and only then register the first resource.

    Raises:
        SpecError: no instance fits, the bundle is another one, or the settings do not belong together.
        IntegrityError: nobody whom the settings name has signed the bundle, or the store is not what the lock says.
        BudgetError: a month of it is more than the budget.
    """
    own = required(spec, settings)
    tables, today = load_tables(), datetime.now(UTC).date()
    type_ = choose_machine(spec, "aws", settings.region, tables, today=today, wanted=own.machine)
    machine = f"ml.{type_}"
    read_bundle(own.bundle, own.keys, lock, Path("inference.yaml"), bare_host=False)
    here = endpoint(spec, lock, settings, platform="sagemaker", root=MODEL_DIRECTORY)
    store = Layout(Path(STORE))
    verify_store(store, lock)
    image = endpoint_image(store, here.image, lock)
    version = _version(here, image.digest)
    announce(
        estimate(tables, "aws", settings.region, machine, count=own.endpoint.instances, price=own.price),
        own.budget,
        where="aws.budget",
    )

    stack, region, account = pulumi.get_stack(), settings.region, own.account
    name, model = f"trivet-{stack}", f"{MODELS}/{version}"
    provider = aws.Provider(
        "aws",
        region=region,
        allowed_account_ids=[account],
        default_tags={"tags": {"trivet:stack": name, "trivet:spec": spec.digest, "trivet:lock": lock.digest}},
    )
    opts = pulumi.ResourceOptions(provider=provider)
    storage = Storage(
        name,
        StorageArgs(
            account=account,
            region=region,
            items=_items(here, model),
            log_group=f"/aws/sagemaker/Endpoints/{name}",
            log_days=own.log_days,
            retain=settings.retain,
        ),
        opts,
    )
    registry = Registry(name, RegistryArgs(image.digest, storage.key_arn), opts)
    log = role(
        f"{name}-log", "vpc-flow-logs.amazonaws.com", account, storage.log_group_arn.apply(flow_log_policy), opts
    )
    network = Network(
        name,
        NetworkArgs(
            region=region,
            zone=f"{region}{own.zone}",
            addresses=own.network,
            clients=(),
            port=spec.gateway.port,
            to_store=serving_policy(storage.bucket_name),
            services=(),
            log_group_arn=storage.log_group_arn,
            log_role_arn=log.arn,
        ),
        opts,
    )
    may = pulumi.Output.all(storage.key_arn, registry.repository_arn, storage.log_group_arn).apply(
        lambda arns: endpoint_role_policy(EndpointPlace(region, storage.bucket_name, *arns))
    )
    served = SageMaker(
        name,
        SageMakerArgs(
            endpoint=here,
            serving=own.endpoint,
            version=version,
            machine=machine,
            volume=own.volume,
            image=registry.reference,
            source=f"s3://{storage.bucket_name}/{model}/",
            answers=f"s3://{storage.bucket_name}",
            start_seconds=settings.wait_seconds,
            key_arn=storage.key_arn,
            role_arn=role(f"{name}-endpoint", "sagemaker.amazonaws.com", account, may, opts).arn,
            subnet=network.subnet,
            group=network.group,
        ),
        # What it reads at its start is there before it starts.
        pulumi.ResourceOptions(provider=provider, depends_on=[storage, registry, network]),
    )
    Scaling(name, ScalingArgs(served.name, own.endpoint), opts)
    Alarms(name, AlarmsArgs(served.name, own.notify, storage.key_arn), opts)
    Budget(name, BudgetArgs(limit=own.budget, notify=own.notify, account=account, region=region), opts)

    url = pulumi.Output.format(
        "https://runtime.sagemaker.{0}.amazonaws.com/endpoints/{1}/invocations", region, served.name
    )
    export(spec, lock, settings, url=url, key_file="")  # callers are known by their AWS credentials
    pulumi.export("machine", machine)
    pulumi.export("endpoint", served.name)
    pulumi.export("image", registry.reference)
    pulumi.export("invoke", pulumi.Output.format(INVOKE, region, CALLS[own.endpoint.mode], served.name))
    pulumi.export("bucket", storage.bucket_name)


def _version(here: Endpoint, image: str) -> str:
    """Tells one content of the model's directory, and one image, from any other."""
    digest = json_digest([image, here.files, {path: file.digest for path, file in here.weights.items()}])
    return digest.removeprefix("sha256:")[:12]


def _items(here: Endpoint, model: str) -> list[Item]:
    """The model's directory, as objects: weights from the store, texts from here."""
    store = Layout(Path(STORE))
    weights = [
        Item(
            f"{model}/{path}",
            file.digest,
            path=str(store.path(Descriptor(media_type="", digest=file.digest, size=file.size))),
        )
        for path, file in here.weights.items()
    ]
    texts = [Item(f"{model}/{path}", sha256_digest(text.encode()), text=text) for path, text in here.files.items()]
    return [*weights, *texts]
