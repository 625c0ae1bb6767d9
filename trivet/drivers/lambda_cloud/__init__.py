"""Lambda Cloud (https://cloud.lambda.ai/api/v1, version 1.10 of its API): GPUs by the minute."""

from trivet.drivers.lambda_cloud.client import LambdaCloud
from trivet.drivers.lambda_cloud.compute import LambdaCompute

__all__ = ["LambdaCloud", "LambdaCompute"]
