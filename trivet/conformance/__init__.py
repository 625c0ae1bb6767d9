"""Conformance: the same black-box checks on the URL of any tier. It speaks HTTP and knows of no engine or cloud."""

from trivet.conformance.catalogue import CHECKS
from trivet.conformance.keyfile import read_key
from trivet.conformance.report import Finding, Report
from trivet.conformance.run import run_conformance, select
from trivet.conformance.target import Target, base_url

__all__ = ["CHECKS", "Finding", "Report", "Target", "base_url", "read_key", "run_conformance", "select"]
