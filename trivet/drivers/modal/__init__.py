"""Deploys a stack with Modal's own client: refuses early, redeploys without a gap, sees drift, cleans up."""

from trivet.drivers.modal.deploy import HalfDeployedError, deploy
from trivet.drivers.modal.observation import AppState, desired
from trivet.drivers.modal.observe import observe
from trivet.drivers.modal.remove import remove
from trivet.drivers.modal.site import ModalSite

__all__ = ["AppState", "HalfDeployedError", "ModalSite", "deploy", "desired", "observe", "remove"]
