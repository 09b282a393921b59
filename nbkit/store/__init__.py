"""Where reports are kept (a folder, or a bucket), and what past ones said."""

from nbkit.store.files import MANIFEST, BucketStore, LocalStore, Store, open_store
from nbkit.store.past import PastReport, folder_stamp, past_reports

__all__ = [
    "MANIFEST",
    "BucketStore",
    "LocalStore",
    "PastReport",
    "Store",
    "folder_stamp",
    "open_store",
    "past_reports",
]
