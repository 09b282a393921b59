"""Rows to BigQuery by the Storage Write API: for the few rows that every single run writes.

BigQuery takes some 1,500 load jobs a table and day; the platform has 9,000 runs a day, with two
rows each and more. The default stream of a table takes any number of appends, and their rows can be
queried at once. It is gRPC, and its rows are protocol buffers, described here from the table's
schema.

A request whose answer was lost is sent again, so that a row may stand there twice. The queries
count one row a run; where once is a must, rows have a key and go by load job.

Sources: https://cloud.google.com/bigquery/docs/write-api#default_stream,
https://cloud.google.com/bigquery/docs/supported-data-types (protocol buffer types of columns).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from nbkit.errors import QueryFailed
from nbkit.warehouse.bigquery_rows import json_rows

if TYPE_CHECKING:
    import pandas as pd
    from google.cloud import bigquery, bigquery_storage_v1
    from google.protobuf.descriptor_pb2 import DescriptorProto
    from google.protobuf.message import Message

    from nbkit.warehouse.bigquery_errors import Limits

MOST_ROWS = 500  # more go by one load job: it costs nothing and is all or nothing
MOST_BYTES = 9 * 10**6  # of one request; BigQuery refuses above 10 MB
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class DefaultStream:
    """The default streams of a project's tables. Close it: it holds a connection."""

    def __init__(self, *, endpoint: str | None, limits: Limits) -> None:
        """Make the client; nothing is sent yet.

        Args:
            endpoint: `host:port` of an emulator, asked without credentials; None for Google.
            limits: `job_timeout_s` for one append, `retry_s` for passing faults.
        """
        self._client = _client(endpoint)
        self._limits = limits

    def append(self, table: bigquery.Table, form: DescriptorProto, lines: Sequence[bytes]) -> bool:
        """Append rows; on return they can be queried.

        Args:
            table: where to.
            form: what the rows are messages of.
            lines: the rows, serialized, of at most `MOST_BYTES` together.

        Returns:
            False where the stream does not know the table, or its columns, yet: it learns of a new
            table and of new columns some minutes late. Nothing was written then.

        Raises:
            QueryFailed: rows that do not fit; none was written.
            google.api_core.exceptions.GoogleAPIError: as the client raises.
        """
        from google.api_core import exceptions
        from google.api_core.retry import Retry, if_exception_type
        from google.cloud.bigquery_storage_v1 import types

        stream = f"{table.path.lstrip('/')}/streams/_default"
        request = types.AppendRowsRequest(
            write_stream=stream,
            proto_rows=types.AppendRowsRequest.ProtoData(
                writer_schema=types.ProtoSchema(proto_descriptor=form),
                rows=types.ProtoRows(serialized_rows=lines),
            ),
        )
        again = Retry(
            if_exception_type(
                exceptions.Aborted,
                exceptions.Cancelled,
                exceptions.InternalServerError,
                exceptions.ResourceExhausted,
                exceptions.ServiceUnavailable,
            ),
            initial=0.5,
            timeout=self._limits.retry_s,
        )

        def send() -> None:
            answers = self._client.append_rows(
                iter([request]),
                # The client adds no address of its own here, and BigQuery finds the region by it.
                metadata=(("x-goog-request-params", f"write_stream={stream}"),),
                timeout=self._limits.job_timeout_s,
                retry=None,
            )
            _check(answers, table)

        try:
            again(send)()
        except exceptions.NotFound:
            return False
        except exceptions.InvalidArgument as error:
            if "SCHEMA_MISMATCH" not in str(error):
                raise
            return False
        return True

    def close(self) -> None:
        self._client.transport.close()  # type: ignore[no-untyped-call]  # google ships none


def proto_rows(
    schema: Sequence[bigquery.SchemaField], rows: pd.DataFrame
) -> tuple[DescriptorProto, list[bytes]] | None:
    """The rows as protocol buffers, with the description of these; None where they cannot be.

    Args:
        schema: of the table; only columns that the frame has are described. Arrays, records and
            names that protocol buffers do not know cannot be.
        rows: as `BigQueryWarehouse.append` takes them.

    Raises:
        QueryFailed: a value that its column cannot hold; names row, column and value.
    """
    fields = {field.name: field.field_type for field in schema if field.name in rows.columns}
    is_array = any(field.mode == "REPEATED" for field in schema if field.name in fields)
    if is_array or not all(_NAME.fullmatch(n) and t in _FORMS for n, t in fields.items()):
        return None
    form = _descriptor(fields)
    message = message_class(form)
    lines = []
    for number, row in enumerate(json_rows(rows, fields), start=1):
        values = {}
        for name, value in row.items():
            try:
                values[name] = _FORMS[fields[name]][1](value)
            except (ValueError, TypeError) as error:
                raise QueryFailed(
                    f"Row {number} of {len(rows)} does not fit: {value!r} is no {fields[name]}, "
                    f"which {name} takes ({error}). Nothing was written."
                ) from error
        lines.append(message(**values).SerializeToString())
    return form, lines


def _client(endpoint: str | None) -> bigquery_storage_v1.BigQueryWriteClient:
    from google.cloud.bigquery_storage_v1 import BigQueryWriteClient

    if endpoint is None:
        return BigQueryWriteClient()  # type: ignore[no-untyped-call]
    import grpc

    transport = BigQueryWriteClient.get_transport_class("grpc")
    channel = grpc.insecure_channel(endpoint)
    return BigQueryWriteClient(transport=transport(channel=channel))  # type: ignore[no-untyped-call]


def _check(answers: Iterable[Any], table: bigquery.Table) -> None:
    """Read all answers.

    Raises:
        QueryFailed: rows were refused.
        google.api_core.exceptions.GoogleAPICallError: the append was.
    """
    from google.api_core.exceptions import from_grpc_status

    for answer in answers:
        if answer.row_errors:
            first = answer.row_errors[0]
            others = len(answer.row_errors) - 1
            raise QueryFailed(
                f"{table.dataset_id}.{table.table_id} refused row {first.index + 1}: "
                f"{first.message}{f' (and {others} more)' if others else ''}. Nothing was written."
            )
        if answer.error.code:
            raise from_grpc_status(  # type: ignore[no-untyped-call]
                answer.error.code, answer.error.message
            )


def _descriptor(fields: dict[str, str]) -> DescriptorProto:
    from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto

    form = DescriptorProto(name="Row")
    for number, (name, kind) in enumerate(fields.items(), start=1):
        form.field.add(
            name=name,
            number=number,
            type=f"TYPE_{_FORMS[kind][0].upper()}",
            # What the table requires it asks for by itself; null is a field that is not there.
            label=FieldDescriptorProto.LABEL_OPTIONAL,
        )
    return form


def message_class(form: DescriptorProto) -> type[Message]:
    """The class of the messages that a description speaks of."""
    from google.protobuf.descriptor_pb2 import FileDescriptorProto
    from google.protobuf.descriptor_pool import DescriptorPool
    from google.protobuf.message_factory import GetMessageClass

    pool = DescriptorPool()
    pool.Add(FileDescriptorProto(name="row.proto", syntax="proto2", message_type=[form]))
    made: type[Message] = GetMessageClass(pool.FindMessageTypeByName("Row"))
    return made


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _whole(value: Any) -> int:
    if isinstance(value, float) and not value.is_integer():
        raise ValueError("not a whole number")
    return int(value)


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("neither true nor false")
    return value


def _microseconds(value: Any) -> int:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)  # as a load job reads it
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _days(value: Any) -> int:
    return (date.fromisoformat(value) - _EPOCH.date()).days


_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Column type → (protocol buffer type, what makes it of a value as `json_rows` gives it). A table
# that exists has the older names.
_FORMS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "STRING": ("string", _text),
    "JSON": ("string", json.dumps),
    "INT64": ("int64", _whole),
    "INTEGER": ("int64", _whole),
    "FLOAT64": ("double", float),
    "FLOAT": ("double", float),
    "BOOL": ("bool", _truth),
    "BOOLEAN": ("bool", _truth),
    "TIMESTAMP": ("int64", _microseconds),
    "DATE": ("int32", _days),
}
