#!/usr/bin/env python3
"""Reads what the conformance suite left behind and says whether it is good: verdict.py FOLDER.

Good is: at least 600 results and all of them passed, version `dev`, every API and every kind of content
passed. Sparse manifests alone may be disabled: Portolan refuses them by design.
"""
import re
import sys
import xml.etree.ElementTree

REFUSED_BY_DESIGN = {("data", "Sparse Manifests")}
RESULTS_MIN = 600

folder = sys.argv[1]
problems = []


def statuses(lines):
    """The entries of the top-level mappings `apis` and `data` of results.yaml."""
    section = None
    for line in lines:
        if re.match(r"\S", line):
            section = line.split(":")[0]
        elif section in ("apis", "data") and (entry := re.match(r"\s+(.+?):\s*(\S.*?)\s*$", line)):
            yield section, entry[1].strip("\"'"), entry[2].strip("\"'")


try:
    root = xml.etree.ElementTree.parse(f"{folder}/junit.xml").getroot()
    counts = {name: int(root.get(name) or 0) for name in ("tests", "errors", "failures", "skipped", "disabled")}
    with open(f"{folder}/results.yaml") as file:
        lines = file.read().splitlines()
except (OSError, ValueError, xml.etree.ElementTree.ParseError) as error:
    print(f"FAILED: the suite left no report: {error}")
    sys.exit(1)

for name in ("errors", "failures", "skipped", "disabled"):
    if counts[name]:
        problems.append(f"{counts[name]} {name}")
if counts["tests"] < RESULTS_MIN:
    problems.append(f"only {counts['tests']} results")
if not any(re.match(r"\s+version: .*dev", line) for line in lines):
    problems.append("not version `dev`")
found = list(statuses(lines))
for section in ("apis", "data"):
    if sum(entry[0] == section for entry in found) < 15:
        problems.append(f"`{section}` is not whole")
for section, name, status in found:
    if status.lower() != "pass" and not (status.lower() == "disabled" and (section, name) in REFUSED_BY_DESIGN):
        problems.append(f"{section}: {name}: {status}")

for problem in problems:
    print(f"FAILED: conformance suite: {problem}")
print(f"conformance suite: {counts['tests'] - sum(counts[name] for name in counts if name != 'tests')} passed, {len(problems)} problems")
sys.exit(1 if problems else 0)
