"""A synthesized environment of four stacks whose engine plays a script, and who watches it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from fakes import engine as fake_engine
from fakes.engine import Take
from payment_dr.adapters.settings_file import example
from payment_dr.core.settings import Settings
from payment_dr.infra.deployment import Deployment, Done, Planned
from payment_dr.infra.deployment_order import Stack, read_order
from payment_dr.infra.engine_events import Event
from payment_dr.infra.engine_stack import PlanResult
from payment_dr.infra.local import Local

STACKS: Final = ("foundation", "east", "west", "links")


def settings() -> Settings:
    """The production example, which has these stacks."""
    return example("production")


class Audience:
    """Remembers what it is told; answers as told to."""

    def __init__(self, *, answers: bool = True) -> None:
        self.answers = answers
        self.told: list[str] = []
        self.events: list[Event] = []
        self.plans: list[Planned] = []

    def began(self, stack: str, number: int, total: int) -> None:
        self.told.append(f"{stack} {number}/{total}")

    def planned(self, planned: Planned) -> None:
        self.plans.append(planned)

    def confirms(self, planned: Planned) -> bool:
        self.told.append(f"asked for {planned.plan.stack}")
        return self.answers

    def applies(self, plan: PlanResult) -> None:
        self.told.append(f"applies {plan.stack}")

    def hears(self, event: Event) -> None:
        self.events.append(event)

    def done(self, done: Done) -> None:
        self.told.append(f"{done.stack} {'changed' if done.changed else 'as it was'}")


class Environment:
    """The files of a synthesis under `root`, and the engine."""

    def __init__(self, root: Path) -> None:
        self.out = root / "out"
        self.engine = fake_engine.engine(root / "bin")
        for name in STACKS:
            directory = self.directory(name)
            directory.mkdir(parents=True)
            body = {"provider": {"aws": [{"region": "x"}]}, "resource": {"aws_vpc": {"a": {}}}}
            (directory / "cdk.tf.json").write_text(json.dumps(body))
            self.play(name, fake_engine.plan())
        self.manifest({name: STACKS[:number] for number, name in enumerate(STACKS)})

    def directory(self, stack: str) -> Path:
        return self.out / "stacks" / stack

    def play(
        self, stack: str, *documents: Mapping[str, object], **takes: Sequence[Take] | Take
    ) -> None:
        """The plans of a stack, one after the other, and other takes."""
        planned = fake_engine.plans(*documents) if documents else {}
        fake_engine.play(self.directory(stack), **{**planned, **takes})

    def manifest(self, needs: Mapping[str, Iterable[str]]) -> None:
        """What a synthesis writes of its stacks."""
        stacks = {
            name: {
                "name": name,
                "workingDirectory": f"stacks/{name}",
                "synthesizedStackPath": f"stacks/{name}/cdk.tf.json",
                "dependencies": list(dependencies),
            }
            for name, dependencies in needs.items()
        }
        (self.out / "manifest.json").write_text(json.dumps({"version": "0", "stacks": stacks}))

    def stacks(self) -> tuple[Stack, ...]:
        return read_order(self.out, settings())

    def deployment(
        self,
        audience: Audience,
        *only: str,
        allowed: Iterable[str] = (),
        local: Local | None = None,
    ) -> Deployment:
        chosen = tuple(one for one in self.stacks() if not only or one.name in only)
        return Deployment(
            stacks=chosen,
            engine=self.engine,
            audience=audience,
            allowed=frozenset(allowed),
            local=local,
        )

    def commands(self, stack: str) -> list[str]:
        """What the engine was told to do there."""
        return fake_engine.commands(self.directory(stack))
