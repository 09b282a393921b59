"""Where reports are kept (a folder, or a bucket), what past ones said, and what was done since."""

from nbkit.store.files import MANIFEST, BucketStore, LocalStore, Store, open_store
from nbkit.store.notes import NoteOfWork, add_note, notes_between
from nbkit.store.past import PastReport, folder_stamp, past_reports
from nbkit.store.told import Told, messages_told

__all__ = [
    "MANIFEST",
    "BucketStore",
    "LocalStore",
    "NoteOfWork",
    "PastReport",
    "Store",
    "Told",
    "add_note",
    "folder_stamp",
    "messages_told",
    "notes_between",
    "open_store",
    "past_reports",
]
