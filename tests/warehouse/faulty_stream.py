"""A loopback server that plays BigQuery's Storage Write API and refuses on request.

The emulator shows that rows arrive; this shows what happens when they do not at first. Google's
client is the real one on the other side.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc
from google.cloud.bigquery_storage_v1 import types
from google.rpc.status_pb2 import Status

_APPEND = "/google.cloud.bigquery.storage.v1.BigQueryWrite/AppendRows"


@dataclass(frozen=True)
class Refusal:
    """Said instead of taking the rows: by ending the call, or `inside` an answer of it."""

    code: grpc.StatusCode
    message: str = "planned"
    inside: bool = False
    rows: tuple[int, ...] = ()  # positions of the rows that are to blame


@dataclass
class FaultyStream:
    """What the server does, and what it saw."""

    endpoint: str = ""
    refusals: list[Refusal] = field(default_factory=list)  # one a call, then all is well
    taken: list[bytes] = field(default_factory=list)  # serialized rows
    asked_for: list[str] = field(default_factory=list)  # the address in each call's headers

    def answer(
        self, requests: Iterator[bytes], context: grpc.ServicerContext
    ) -> Iterator[types.AppendRowsResponse]:
        # Google's client adds an empty one of its own.
        self.asked_for += [
            str(value)
            for key, value in context.invocation_metadata()
            if key == "x-goog-request-params" and value
        ]
        for raw in requests:
            request = types.AppendRowsRequest.deserialize(raw)
            refusal = self.refusals.pop(0) if self.refusals else None
            if refusal and not refusal.inside:
                context.abort(refusal.code, refusal.message)
            if refusal:
                yield types.AppendRowsResponse(
                    error=Status(code=refusal.code.value[0], message=refusal.message),
                    row_errors=[
                        types.RowError(index=row, message=refusal.message) for row in refusal.rows
                    ],
                )
                return
            self.taken += request.proto_rows.rows.serialized_rows
            yield types.AppendRowsResponse(append_result={})


@contextmanager
def faulty_stream() -> Iterator[FaultyStream]:
    """Serve on a free loopback port; gives the thing to command and to ask."""
    state = FaultyStream()
    handler = grpc.stream_stream_rpc_method_handler(
        state.answer, response_serializer=types.AppendRowsResponse.serialize
    )
    service, method = _APPEND.strip("/").split("/")
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(service, {method: handler}),)
    )
    state.endpoint = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield state
    finally:
        server.stop(grace=None).wait()
