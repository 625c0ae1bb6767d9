"""Scaling, schedules, alarms and whom they are sent to."""

from __future__ import annotations

import re
from typing import Any

from tests.fakes.pulumi_cloud.aws.kind import Account, Kind, require_json
from tests.fakes.pulumi_cloud.plugin import Properties, RefusedError

CRON = re.compile(r"cron\(\d{1,2} \d{1,2} \? \* [A-Z]{3}(,[A-Z]{3})* \*\)")
MAY_BE_NONE = "AsyncInferenceConfig"


def _scaled(inputs: Properties) -> dict[str, str]:
    return {
        "ServiceNamespace": inputs["serviceNamespace"],
        "ResourceId": inputs["resourceId"],
        "ScalableDimension": inputs["scalableDimension"],
    }


def _target(account: Account, inputs: Properties) -> tuple[str, Properties]:
    if not inputs["minCapacity"]:
        _require_queue(account, inputs)
    made = account.at(inputs, "application-autoscaling").register_scalable_target(
        **_scaled(inputs), MinCapacity=inputs["minCapacity"], MaxCapacity=inputs["maxCapacity"]
    )
    return inputs["resourceId"], {"arn": made.get("ScalableTargetARN", "")}


def _require_queue(account: Account, inputs: Properties) -> None:
    """Without a queue, a variant keeps one instance."""
    sagemaker = account.at(inputs, "sagemaker")
    endpoint = sagemaker.describe_endpoint(EndpointName=inputs["resourceId"].split("/")[1])
    if MAY_BE_NONE not in sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"]):
        raise RefusedError("ValidationException: Minimum capacity for this resource must be at least 1")


def _find_target(account: Account, identity: str, state: Properties) -> Any:
    return account.at(state, "application-autoscaling").describe_scalable_targets(
        ServiceNamespace=state["serviceNamespace"], ResourceIds=[identity]
    )["ScalableTargets"]


def _policy(account: Account, inputs: Properties) -> tuple[str, Properties]:
    if not _find_target(account, inputs["resourceId"], inputs):
        raise RefusedError("ObjectNotFoundException: No scalable target registered")
    follow = inputs.get("targetTrackingScalingPolicyConfiguration")
    step = inputs.get("stepScalingPolicyConfiguration")
    if (inputs["policyType"] == "StepScaling") != (step is not None) or (follow is None) == (step is None):
        raise RefusedError(f"ValidationException: {inputs['policyType']} takes its own configuration")
    made = account.at(inputs, "application-autoscaling").put_scaling_policy(
        PolicyName=inputs["name"],
        PolicyType=inputs["policyType"],
        **_scaled(inputs),
        **({"TargetTrackingScalingPolicyConfiguration": _followed(follow)} if follow else {}),
        **({"StepScalingPolicyConfiguration": _steps(step)} if step else {}),
    )
    return inputs["name"], {"arn": made["PolicyARN"], "name": inputs["name"]}


def _followed(given: Properties) -> dict[str, Any]:
    metric: dict[str, Any] = {}
    if predefined := given.get("predefinedMetricSpecification"):
        metric = {
            "PredefinedMetricSpecification": {"PredefinedMetricType": predefined["predefinedMetricType"]},
        }
    if own := given.get("customizedMetricSpecification"):
        metric = {
            "CustomizedMetricSpecification": {
                "MetricName": own["metricName"],
                "Namespace": own["namespace"],
                "Statistic": own["statistic"],
                "Dimensions": [{"Name": each["name"], "Value": each["value"]} for each in own["dimensions"]],
            }
        }
    return {
        "TargetValue": given["targetValue"],
        "ScaleInCooldown": given["scaleInCooldown"],
        "ScaleOutCooldown": given["scaleOutCooldown"],
        **metric,
    }


def _steps(given: Properties) -> dict[str, Any]:
    return {
        "AdjustmentType": given["adjustmentType"],
        "Cooldown": given["cooldown"],
        "MetricAggregationType": given["metricAggregationType"],
        "StepAdjustments": [
            {
                "MetricIntervalLowerBound": float(each["metricIntervalLowerBound"]),
                "ScalingAdjustment": each["scalingAdjustment"],
            }
            for each in given["stepAdjustments"]
        ],
    }


def _find_policy(account: Account, identity: str, state: Properties) -> Any:
    return account.at(state, "application-autoscaling").describe_scaling_policies(
        PolicyNames=[identity], ServiceNamespace=state["serviceNamespace"], ResourceId=state["resourceId"]
    )["ScalingPolicies"]


def _alarm(account: Account, inputs: Properties) -> tuple[str, Properties]:
    cloudwatch = account.at(inputs, "cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=inputs["name"],
        AlarmDescription=inputs.get("alarmDescription", ""),
        Namespace=inputs["namespace"],
        MetricName=inputs["metricName"],
        Dimensions=[{"Name": name, "Value": value} for name, value in inputs.get("dimensions", {}).items()],
        Statistic=inputs["statistic"],
        Period=inputs["period"],
        EvaluationPeriods=inputs["evaluationPeriods"],
        Threshold=inputs["threshold"],
        ComparisonOperator=inputs["comparisonOperator"],
        TreatMissingData=inputs.get("treatMissingData", "missing"),
        AlarmActions=inputs.get("alarmActions", []),
        Tags=account.tag_list(inputs),
    )
    (made,) = cloudwatch.describe_alarms(AlarmNames=[inputs["name"]])["MetricAlarms"]
    return inputs["name"], {"arn": made["AlarmArn"], "name": inputs["name"]}


def _check_alarm(inputs: Properties) -> list[tuple[str, str]]:
    period = inputs["period"]
    return [] if period in (10, 30) or period % 60 == 0 else [("period", "10, 30 or a multiple of 60")]


def _schedule(account: Account, inputs: Properties) -> tuple[str, Properties]:
    target = inputs["target"]
    role = account.client("iam").get_role(RoleName=target["roleArn"].rpartition("/")[2])["Role"]
    if "scheduler.amazonaws.com" not in str(role["AssumeRolePolicyDocument"]):
        raise RefusedError("ValidationException: The execution role you provide must allow AWS EventBridge Scheduler")
    instances = require_json(target["input"], "the target's input")["InstanceIds"]
    account.at(inputs, "ec2").describe_instances(InstanceIds=instances)
    made = account.at(inputs, "scheduler").create_schedule(
        Name=inputs["name"],
        ScheduleExpression=inputs["scheduleExpression"],
        ScheduleExpressionTimezone=inputs["scheduleExpressionTimezone"],
        FlexibleTimeWindow={"Mode": inputs["flexibleTimeWindow"]["mode"]},
        Target={"Arn": target["arn"], "RoleArn": target["roleArn"], "Input": target["input"]},
        KmsKeyArn=inputs["kmsKeyArn"],
    )
    return f"default/{inputs['name']}", {"arn": made["ScheduleArn"], "name": inputs["name"]}


def _check_schedule(inputs: Properties) -> list[tuple[str, str]]:
    right = CRON.fullmatch(inputs["scheduleExpression"])
    return [] if right else [("scheduleExpression", "Invalid Schedule Expression")]


def _topic(account: Account, inputs: Properties) -> tuple[str, Properties]:
    if key := inputs.get("kmsMasterKeyId"):
        account.at(inputs, "kms").describe_key(KeyId=key)
    made = account.at(inputs, "sns").create_topic(
        Name=inputs["name"], Attributes={"KmsMasterKeyId": key} if key else {}, Tags=account.tag_list(inputs)
    )
    return made["TopicArn"], {"arn": made["TopicArn"], "name": inputs["name"]}


def _subscription(account: Account, inputs: Properties) -> tuple[str, Properties]:
    made = account.at(inputs, "sns").subscribe(
        TopicArn=inputs["topic"], Protocol=inputs["protocol"], Endpoint=inputs["endpoint"], ReturnSubscriptionArn=True
    )
    return made["SubscriptionArn"], {"arn": made["SubscriptionArn"]}


KINDS = {
    "aws:appautoscaling/target:Target": Kind(
        _target,
        _find_target,
        lambda account, _, state: account.at(state, "application-autoscaling").deregister_scalable_target(
            **_scaled(state)
        ),
        update=lambda account, _identity, _state, inputs: _target(account, inputs)[1],
        fixed=frozenset({"resourceId", "serviceNamespace", "scalableDimension"}),
    ),
    "aws:appautoscaling/policy:Policy": Kind(
        _policy,
        _find_policy,
        lambda account, identity, state: account.at(state, "application-autoscaling").delete_scaling_policy(
            PolicyName=identity, **_scaled(state)
        ),
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": Kind(
        _alarm,
        lambda account, identity, state: account.at(state, "cloudwatch").describe_alarms(AlarmNames=[identity])[
            "MetricAlarms"
        ],
        lambda account, identity, state: account.at(state, "cloudwatch").delete_alarms(AlarmNames=[identity]),
        check=_check_alarm,
    ),
    "aws:scheduler/schedule:Schedule": Kind(
        _schedule,
        lambda account, _, state: account.at(state, "scheduler").get_schedule(Name=state["name"]),
        lambda account, _, state: account.at(state, "scheduler").delete_schedule(Name=state["name"]),
        check=_check_schedule,
    ),
    "aws:sns/topic:Topic": Kind(
        _topic,
        lambda account, identity, state: account.at(state, "sns").get_topic_attributes(TopicArn=identity),
        lambda account, identity, state: account.at(state, "sns").delete_topic(TopicArn=identity),
    ),
    "aws:sns/topicSubscription:TopicSubscription": Kind(
        _subscription,
        lambda account, identity, state: account.at(state, "sns").get_subscription_attributes(SubscriptionArn=identity),
        lambda account, identity, state: account.at(state, "sns").unsubscribe(SubscriptionArn=identity),
    ),
}
