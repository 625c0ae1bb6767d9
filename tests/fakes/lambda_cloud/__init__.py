"""Lambda's API, version 1.10, on the wire: it validates as the real one does, keeps its rates, bills, and can fail."""

from tests.fakes.lambda_cloud.account import Account, Launch
from tests.fakes.lambda_cloud.app import KEY, FakeLambda
from tests.fakes.lambda_cloud.clock import ManualClock
from tests.fakes.lambda_cloud.faults import Fault, Faults

__all__ = ["KEY", "Account", "FakeLambda", "Fault", "Faults", "Launch", "ManualClock"]
