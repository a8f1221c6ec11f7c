"""Parses a page of figures with the reference parser of OpenMetrics, and prints it as JSON.

usage: openmetrics.py FILE"""

import json
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families

ENDINGS = {"counter": "_total", "info": "_info"}


def described(family):
    samples = [{"name": s.name, "labels": s.labels, "value": repr(float(s.value))} for s in family.samples]
    name = family.name + ENDINGS.get(family.type, "")
    return {"name": name, "type": family.type, "help": family.documentation, "samples": samples}


with open(sys.argv[1], encoding="utf-8") as page:
    families = [described(family) for family in text_string_to_metric_families(page.read())]
json.dump(families, sys.stdout)
