"""Counters about the system, in Prometheus's text format.

What it is for: numbers for operation, derived from what is stored at the moment of asking, so that they
are right however many processes do the work; and the requests this process has answered.

Public: ``count_jobs``, ``render_metrics``, ``MEDIA_TYPE``, ``RequestMetrics``.

Decisions
---------
2026-11: no identifier is a label; jobs are labelled by kind and state, requests by route template.
"""

from orthanc_plugins.metrics.operational import MEDIA_TYPE, count_jobs, render_metrics
from orthanc_plugins.metrics.requests import RequestMetrics

__all__ = ["MEDIA_TYPE", "RequestMetrics", "count_jobs", "render_metrics"]
