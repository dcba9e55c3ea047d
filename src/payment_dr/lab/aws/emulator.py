"""ministack's service functions, called without its web server.

ministack is pinned; everything here that reaches into it was read in version 1.5.33. Calling the
functions directly leaves out 0.2 s of imports and most of a call's cost (routing, IAM, CORS,
CloudTrail); the code that decides is the same. All calls run on one event loop, one at a time.
"""

import copy
import functools
import importlib
import inspect
import os
from collections import defaultdict
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import parse_qs, unquote
from zlib import crc32

from payment_dr.lab.aws.answers import request_id
from payment_dr.lab.aws.invocations import Invocation, Invoke
from payment_dr.lab.aws.mends import mend
from payment_dr.lab.http_server import Request, Response

Table = dict[str, Any]
"""A table of one region as ministack keeps it. Stored items are replaced, never changed."""

Attributes = Mapping[str, Any]
"""An item or a key: attribute values in DynamoDB's JSON form by name."""

_INDEXES: Final = "_index_members"
_CLUSTERS: Final = "_data"
_PARSED_MAX: Final = 256

DYNAMODB_FUNCTIONS: Final[Mapping[str, str]] = {
    "CreateTable": "_create_table",
    "UpdateTable": "_update_table",
    "DeleteTable": "_delete_table",
    "DescribeTable": "_describe_table",
    "ListTables": "_list_tables",
    "DescribeTimeToLive": "_describe_ttl",
    "UpdateTimeToLive": "_update_ttl",
    "DescribeContinuousBackups": "_describe_continuous_backups",
    "UpdateContinuousBackups": "_update_continuous_backups",
    "PutItem": "_put_item",
    "GetItem": "_get_item",
    "UpdateItem": "_update_item",
    "DeleteItem": "_delete_item",
    "Query": "_query",
    "Scan": "_scan",
    "BatchGetItem": "_batch_get_item",
    "BatchWriteItem": "_batch_write_item",
    "TransactWriteItems": "_transact_write_items",
    "TransactGetItems": "_transact_get_items",
}
"""The actions of DynamoDB that the lab offers, and the functions that perform them."""

PLAIN_SERVICES: Final[Mapping[str, str]] = {
    "events": "eventbridge",
    "lambda": "lambda_svc",
    "logs": "cloudwatch_logs",
    "monitoring": "cloudwatch",
    "route53": "route53",
    "s3": "s3",
    "scheduler": "scheduler",
    "secretsmanager": "secretsmanager",
    "sns": "sns",
    "sqs": "sqs",
    "states": "stepfunctions",
    "sts": "sts",
}
"""Services answered by ministack as they are: signing name and module, imported when first called.

But a function's code never runs here: an invocation, whoever makes it, goes to the lab's hosts.
"""

GLOBAL_SERVICES: Final = frozenset({"route53"})
"""Services of no region, which every region's endpoint answers whatever region signed for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Items:
    """A table's items by key, and who is in which partition of which index."""

    by_key: dict[Any, Any]
    indexes: dict[Any, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class WriterSwitch:
    """A move of a global cluster's writer that the platform would make.

    `cluster` is ministack's own record of the global cluster; `writer` and `target` are the ARNs
    of the member clusters, `members` those of all.
    """

    cluster: dict[str, Any]
    writer: str
    target: str
    members: tuple[str, ...]

    @property
    def identifier(self) -> str:
        """The global cluster's name."""
        identifier: str = self.cluster["GlobalClusterIdentifier"]
        return identifier


class Emulator:
    """Everything the lab takes from ministack; its resources belong to the one `account`."""

    def __init__(self, account: str, invoke: Invoke) -> None:
        # Only its own web server would listen, and nothing here starts it; belt and braces.
        os.environ["BIND_HOST"] = "127.0.0.1"
        os.environ["IOT_MTLS_ENABLED"] = "0"
        dynamodb = _module("services.dynamodb")
        for name in ("_tokenize", "_condition_syntax_error"):
            # Pure parsers that a query runs once per candidate: 3x on an index of 1,000 items.
            parse = inspect.unwrap(_of(dynamodb, name))
            setattr(dynamodb, name, functools.lru_cache(_PARSED_MAX)(parse))
        self._responses = _module("core.responses")
        self._account = account
        self._invoke = invoke
        self._services: dict[str, Any] = {}
        self._actions = {action: _of(dynamodb, name) for action, name in DYNAMODB_FUNCTIONS.items()}
        self._tables = _of(dynamodb, "_tables")
        self._extract_key = _of(dynamodb, "_extract_key_from_item")
        self._index_members = _of(dynamodb, "_index_members")
        rds = _module("services.rds")
        self._rds = _of(rds, "_handle_request_sync")
        self._global_clusters = _of(rds, "_global_clusters")
        self._writer_switch = _of(rds, "_resolve_global_writer_switch")

    def dynamodb(self, region: str, action: str, data: Mapping[str, Any]) -> Response:
        """Perform one action of `DYNAMODB_FUNCTIONS` in a region."""
        self._enter(region)
        status, headers, body = self._actions[action](data)
        return Response(
            status=status,
            body=body,
            headers={**headers, "x-amzn-requestid": request_id(), "x-amz-crc32": str(crc32(body))},
        )

    def table(self, region: str, name: str) -> Table | None:
        """A region's table."""
        table: Table | None = self._tables.get_scoped(self._account, region, name)
        return table

    def forget(self, region: str, name: str) -> None:
        """Remove a region's table."""
        self._tables.pop_scoped(self._account, region, name)

    def key(self, table: Table, attributes: Attributes) -> Attributes:
        """The key attributes of an item or of a key."""
        key: Attributes = self._extract_key(table, attributes)
        return key

    def items_of(self, table: Table) -> Items:
        """A table's store, to be attached to other tables too."""
        return Items(by_key=table["items"], indexes=self._index_members(table))

    def attach(self, table: Table, items: Items) -> None:
        """Make a table read and write a store that it may share with others."""
        table["items"] = items.by_key
        table[_INDEXES] = items.indexes

    def freeze(self, table: Table) -> None:
        """Give a table a store of its own with what it has now."""
        table["items"] = defaultdict(dict, {pk: dict(rows) for pk, rows in table["items"].items()})
        del table[_INDEXES]  # rebuilt by the next query

    def rds(self, region: str, form: Mapping[str, list[str]]) -> Response:
        """Perform an RDS action; parameters as parsed from a form."""
        self._enter(region)
        return _response(self._rds("POST", "/", {}, b"", form))

    def writer_switch(self, region: str, form: Mapping[str, list[str]]) -> WriterSwitch | Response:
        """What a switch of a global cluster's writer would do, or why it is refused."""
        self._enter(region)
        resolved, refusal = self._writer_switch(form)
        if refusal is not None:
            return _response(refusal)
        cluster, _, target, writer = resolved
        return WriterSwitch(
            cluster=cluster,
            writer=writer["DBClusterArn"],
            target=target["DBClusterArn"],
            members=tuple(member["DBClusterArn"] for member in cluster["GlobalClusterMembers"]),
        )

    def global_clusters(self) -> dict[Any, Any]:
        """A copy of what is known now of all global clusters."""
        known: dict[Any, Any] = copy.deepcopy(_of(self._global_clusters, _CLUSTERS))
        return known

    @contextmanager
    def knowing(self, global_clusters: dict[Any, Any]) -> Generator[None]:
        """Answer from an earlier copy, as a region does that was cut off since."""
        now = _of(self._global_clusters, _CLUSTERS)
        setattr(self._global_clusters, _CLUSTERS, global_clusters)
        try:
            yield
        finally:
            setattr(self._global_clusters, _CLUSTERS, now)

    async def plain(self, service: str, region: str, request: Request) -> Response:
        """Perform a call of one of `PLAIN_SERVICES`."""
        self._enter(region)
        headers = dict(request.headers)
        answer = await self._service(service).handle_request(
            request.method,
            unquote(request.path),
            headers,
            request.body,
            parse_qs(request.query, keep_blank_values=True),
        )
        response = _response(answer)
        if request.method == "HEAD":
            return response  # its Content-Length is that of a body that is not sent
        return replace(
            response,
            headers={k: v for k, v in response.headers.items() if k.lower() != "content-length"},
        )

    def _enter(self, region: str) -> None:
        """What is called next happens in that region of the account."""
        self._responses.set_request_account_id(self._account)
        self._responses.set_request_region(region)

    def _service(self, name: str) -> Any:
        """The module of one of `PLAIN_SERVICES`, made to fit when it is first called."""
        if name not in self._services:
            module = self._services[name] = _module(f"services.{PLAIN_SERVICES[name]}")
            mend(name, module, self._execute)
        return self._services[name]

    def _execute(
        self, _record: object, config: Mapping[str, Any], event: Any, request: str, _began: float
    ) -> dict[str, Any]:
        """Run a function, in a thread; the result in ministack's form."""
        answer = self._invoke(
            Invocation(
                region=config["FunctionArn"].split(":")[3],
                function_name=config["FunctionName"],
                handler=config["Handler"],
                timeout_s=config["Timeout"],
                request_id=request,
                event=event,
            )
        )
        failure = {"error": True, "function_error": "Unhandled"} if answer.failed else {}
        return {"body": answer.payload, **failure}


def _module(name: str) -> Any:
    return importlib.import_module(f"ministack.{name}")


def _of(owner: Any, name: str) -> Any:
    return getattr(owner, name)


def _response(answer: tuple[int, Mapping[str, Any], Any]) -> Response:
    status, headers, body = answer
    return Response(
        status=status,
        body=body.encode() if isinstance(body, str) else body,
        headers={**headers, "x-amzn-requestid": request_id()},
    )
