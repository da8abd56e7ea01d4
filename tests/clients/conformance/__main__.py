"""Runs one scenario, or checks that all together drive every operation that is there."""

import importlib
import pkgutil
import sys

from conformance import scenarios
from conformance.tester import Tester


def main(arguments):
    if arguments == ["list"]:
        for module in pkgutil.iter_modules(scenarios.__path__):
            print(module.name)
        return
    name, endpoint, guests = arguments
    scenario = importlib.import_module(f"conformance.scenarios.{name}")
    tester = Tester(endpoint, guests)
    steps = [step for step in vars(scenario).values() if getattr(step, "is_step", False)]
    for step in steps:
        step(tester)
        print(f"{name}: {step.__doc__}")
    missing = set(scenario.COVERS.split()) - tester.succeeded
    if missing:
        sys.exit(f"{name} covers {', '.join(sorted(missing))}, which never succeeded")
    print(f"{name}: all {len(steps)} as on Lambda")


main(sys.argv[1:])
